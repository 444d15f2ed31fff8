//! What is kept of the calls of foreign agents.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use journal::{Lines, file_name, read_lines};
use llm::read_answer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rollout::{Call, call, finish};

/// Name of the folder in that of the run.
const FOLDER: &str = "gateway";

/// The calls of foreign agents by session, each a line in a file of the run.
#[derive(Debug)]
pub(crate) struct Records {
    folder: PathBuf,
    open: Mutex<HashMap<String, Open>>,
}

/// What is held of a session to which calls are added.
#[derive(Debug)]
struct Open {
    lines: Lines,
    segments: Segments,
    touched: Instant,
}

/// The messages of the latest request of each segment, with the answer.
#[derive(Debug, Default)]
struct Segments(Vec<Vec<Value>>);

/// One call, as its line holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    segment: usize,
    seconds: f64,
    /// What the agent sent.
    request: Value,
    /// What the server answered.
    response: Value,
}

impl Records {
    pub(crate) fn new(run: &Path) -> Self {
        Self { folder: run.join(FOLDER), open: Mutex::default() }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{}.jsonl", file_name(id)))
    }

    /// Keeps a call of a session.
    ///
    /// # Errors
    /// When it cannot be written, or another server adds to the same session.
    pub(super) fn add(&self, id: &str, request: &Value, response: &Value, took: Duration) -> anyhow::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match open.entry(id.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Open::of(&self.path(id))?),
        };
        known.touched = Instant::now();
        let segment = known.segments.place(request, response);
        let seconds = took.as_secs_f64();
        known.lines.add(&Kept { segment, seconds, request: request.clone(), response: response.clone() })
    }

    /// Lets go of the sessions to which nothing was added for so long; their files stay.
    pub(crate) fn forget_old(&self, idle: Duration) {
        let is_young = |open: &Open| open.touched.elapsed() <= idle;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, open| is_young(open));
    }

    /// Returns the calls of a session with their tokens.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn calls(&self, id: &str) -> anyhow::Result<Vec<Call>> {
        let kept: Vec<Kept> = read_lines(&self.path(id))?;
        // Only what can be read as an answer was kept.
        let calls = kept.iter().enumerate().filter_map(|(number, kept)| {
            let Kept { segment, seconds, response, .. } = kept;
            let call = call(format!("{id}/{number}"), &read_answer(response).ok()?);
            Some(Call { step: number as u64 + 1, segment: *segment, seconds: *seconds, ..call })
        });
        let mut calls: Vec<Call> = calls.collect();
        // A segment's calls stand together, as those of an agent that has several conversations need not.
        calls.sort_by_key(|call| call.segment);
        finish(&mut calls);
        Ok(calls)
    }

    /// Returns whether there is any call of a session.
    pub(super) fn has(&self, id: &str) -> bool {
        self.path(id).exists()
    }
}

impl Open {
    /// Opens the file of a session, and takes in the calls that it has already.
    fn of(path: &Path) -> anyhow::Result<Self> {
        let (lines, earlier) = Lines::open::<Kept>(path)?;
        let mut segments = Segments::default();
        for kept in &earlier {
            segments.place(&kept.request, &kept.response);
        }
        Ok(Self { lines, segments, touched: Instant::now() })
    }
}

impl Segments {
    /// Puts a call into the latest segment that it goes on from, and returns which that is.
    fn place(&mut self, request: &Value, response: &Value) -> usize {
        let messages = request.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
        let goes_on = |segment: &Vec<Value>| {
            segment.len() <= messages.len() && segment.iter().zip(&messages).all(|(a, b)| is_same(a, b))
        };
        let at = self.0.iter().rposition(goes_on).unwrap_or(self.0.len());
        let answer = response.pointer("/choices/0/message").cloned().unwrap_or_default();
        let whole = messages.into_iter().chain([answer]).collect();
        match self.0.get_mut(at) {
            Some(segment) => *segment = whole,
            None => self.0.push(whole),
        }
        at
    }
}

/// Returns whether two messages are the same to a model. What a client leaves out of an answer that it sends back, such as
/// empty fields, makes no other one.
fn is_same(a: &Value, b: &Value) -> bool {
    let of = |message: &Value, key: &str| match message.get(key) {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Array(list)) if list.is_empty() => Value::Null,
        Some(Value::String(text)) if text.is_empty() => Value::Null,
        Some(value) => value.clone(),
    };
    ["role", "content", "tool_calls", "tool_call_id"].iter().all(|key| of(a, key) == of(b, key))
}

/// Returns the requests that are handed on, with what has the server send its tokens.
pub(super) fn asked_for_tokens(request: &Value) -> Value {
    let mut asked = request.clone();
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("logprobs".to_owned(), json!(true));
        asked.insert("return_token_ids".to_owned(), json!(true));
        asked.insert("stream".to_owned(), json!(false));
        asked.shift_remove("stream_options");
    }
    asked
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_line_that_a_killed_server_left_torn_takes_no_later_call_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let ask = |text: &str| json!({ "messages": [{ "role": "user", "content": text }] });
        // As SGLang and NeMo's servers send them: at other places than vLLM.
        let message = json!({ "role": "assistant", "content": "b", "generation_token_ids": [3, 4] });
        let answer =
            json!({ "choices": [{ "message": message, "finish_reason": "stop", "prompt_token_ids": [1, 2] }] });
        let add = |text: &str| Records::new(folder.path()).add("a", &ask(text), &answer, Duration::ZERO).unwrap();
        add("one");
        let path = Records::new(folder.path()).path("a");
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"segment\": 0, \"sec").unwrap();
        add("two");
        let calls = Records::new(folder.path()).calls("a").unwrap();
        let ids: Vec<_> = calls.iter().map(|call| (call.segment, call.completion_token_ids.clone())).collect();
        assert_eq!(ids, [(0, Some(vec![3, 4])), (1, Some(vec![3, 4]))]);
    }
}
