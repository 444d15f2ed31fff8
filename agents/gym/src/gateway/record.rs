//! What is kept of the calls of foreign agents.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use agent_core::{Completion, FinishReason, Message, Served, Usage};
use anyhow::Context;
use journal::{file_name, read_text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

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
#[derive(Debug, Default)]
struct Open {
    /// The messages of the latest request of each segment, with the answer.
    segments: Vec<Vec<Value>>,
    touched: Option<Instant>,
}

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
    pub(crate) fn new(run: &std::path::Path) -> Self {
        Self { folder: run.join(FOLDER), open: Mutex::default() }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{}.jsonl", file_name(id)))
    }

    /// Keeps a call of a session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&self, id: &str, request: &Value, response: &Value, took: Duration) -> anyhow::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(id) {
            let earlier = self.read(id)?;
            let mut known = Open::default();
            for kept in &earlier {
                known.place(&kept.request, &kept.response);
            }
            open.insert(id.to_owned(), known);
        }
        let known = open.entry(id.to_owned()).or_default();
        known.touched = Some(Instant::now());
        let segment = known.place(request, response);
        let seconds = took.as_secs_f64();
        let kept = Kept { segment, seconds, request: request.clone(), response: response.clone() };
        let path = self.path(id);
        let wrote = std::fs::create_dir_all(&self.folder).and_then(|()| {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all((serde_json::to_string(&kept)? + "\n").as_bytes())
        });
        wrote.with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Lets go of the sessions to which nothing was added for so long; their files stay.
    pub(crate) fn forget_old(&self, idle: Duration) {
        let is_young = |open: &Open| open.touched.is_some_and(|touched| touched.elapsed() <= idle);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, open| is_young(open));
    }

    /// Returns the calls of a session with their tokens.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn calls(&self, id: &str) -> anyhow::Result<Vec<Call>> {
        let kept = self.read(id)?;
        let calls = kept.iter().enumerate().map(|(number, kept)| {
            let Kept { segment, seconds, response, .. } = kept;
            let call = call(format!("{id}/{number}"), &completion(response));
            Call { step: number as u64 + 1, segment: *segment, seconds: *seconds, ..call }
        });
        let mut calls: Vec<Call> = calls.collect();
        // A segment's calls stand together, as those of an agent that has several conversations need not.
        calls.sort_by_key(|call| call.segment);
        finish(&mut calls);
        Ok(calls)
    }

    fn read(&self, id: &str) -> anyhow::Result<Vec<Kept>> {
        let text = read_text(&self.path(id))?.unwrap_or_default();
        // A last line that is not whole is what a killed server leaves.
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Returns whether there is any call of a session.
    pub(super) fn has(&self, id: &str) -> bool {
        self.path(id).exists()
    }
}

impl Open {
    /// Puts a call into the latest segment that it goes on from, and returns which that is.
    fn place(&mut self, request: &Value, response: &Value) -> usize {
        let messages = request.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
        let goes_on = |segment: &Vec<Value>| {
            segment.len() <= messages.len() && segment.iter().zip(&messages).all(|(a, b)| is_same(a, b))
        };
        let at = self.segments.iter().rposition(goes_on).unwrap_or(self.segments.len());
        let answer = response.pointer("/choices/0/message").cloned().unwrap_or_default();
        let whole = messages.into_iter().chain([answer]).collect();
        match self.segments.get_mut(at) {
            Some(segment) => *segment = whole,
            None => self.segments.push(whole),
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

/// Returns an answer of a server as far as its tokens are concerned.
fn completion(response: &Value) -> Completion {
    let choice = response.pointer("/choices/0").cloned().unwrap_or_default();
    let ids = |value: Option<&Value>| -> Option<Vec<u64>> { serde_json::from_value(value?.clone()).ok() };
    let count = |name: &str| response.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
    // A list of another length than the server counts is of other tokens.
    let fits = |ids: &Vec<u64>, name: &str| count(name).is_none_or(|count| count == 0 || count == ids.len() as u64);
    let prompt = ids(response.get("prompt_token_ids")).or_else(|| ids(choice.get("prompt_token_ids")));
    let sampled = ids(choice.get("token_ids"));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let without = |value: &Value, names: &[&str]| -> Map<String, Value> {
        let kept = value.as_object().into_iter().flatten().filter(|(name, _)| !names.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let served = Served {
        message: choice.get("message").cloned().unwrap_or_default(),
        finish_reason: text(choice.get("finish_reason")),
        id: text(response.get("id")),
        model: text(response.get("model")),
        prompt_token_ids: prompt.filter(|ids| fits(ids, "prompt_tokens")),
        completion_token_ids: sampled.filter(|ids| fits(ids, "completion_tokens")),
        logprobs: choice.get("logprobs").filter(|logprobs| !logprobs.is_null()).cloned(),
        choice: without(&choice, &["message", "finish_reason", "token_ids", "prompt_token_ids", "logprobs"]),
        body: without(response, &["choices", "id", "model", "prompt_token_ids", "usage"]),
        ..Served::default()
    };
    let usage = Usage {
        prompt_tokens: count("prompt_tokens").unwrap_or_default(),
        completion_tokens: count("completion_tokens").unwrap_or_default(),
        cached_tokens: 0,
    };
    Completion {
        message: Message::assistant("", Vec::new()),
        finish_reason: FinishReason::Stop,
        usage,
        cost: None,
        malformed: None,
        served: Some(Box::new(served)),
    }
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
