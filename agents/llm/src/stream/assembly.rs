//! One answer out of the pieces of a stream.

use serde_json::{Map, Value, json};

use crate::stream::sse::DONE;
use crate::stream::stream_call::{Fragment, StreamCall};

/// The pieces so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// Fields of the answer, such as `id`, `model` and `usage`; the last word on each counts.
    top: Map<String, Value>,
    /// Fields of the choice, such as `token_ids` and `logprobs`; lists grow.
    choice: Map<String, Value>,
    /// Fields of the message; texts and lists grow.
    message: Map<String, Value>,
    calls: Vec<StreamCall>,
    finish_reason: Option<String>,
    done: bool,
}

impl Assembly {
    /// Adds a piece.
    pub(crate) fn add(&mut self, chunk: &Value) {
        if chunk.get("object").and_then(Value::as_str) == Some(DONE) {
            self.done = true;
            return;
        }
        for (key, value) in chunk.as_object().into_iter().flatten() {
            let says_nothing = value.is_null() || value.as_str().is_some_and(str::is_empty);
            if key != "choices" && !(says_nothing && self.top.contains_key(key)) {
                self.top.insert(key.clone(), value.clone());
            }
        }
        let choices = chunk.get("choices").and_then(Value::as_array).into_iter().flatten();
        // Only one choice is asked for; pieces of another one would be mixed into it.
        let ours = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or_default() == 0;
        for choice in choices.filter(ours) {
            self.add_choice(choice);
        }
    }

    fn add_choice(&mut self, choice: &Value) {
        // Some servers send an empty reason with every piece.
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty()) {
            self.finish_reason = Some(reason.to_owned());
        }
        for (key, value) in choice.as_object().into_iter().flatten() {
            match key.as_str() {
                "index" | "delta" | "message" | "finish_reason" => {}
                // The answer's tokens come in pieces, the prompt's at once.
                _ if value.is_array() && key.starts_with("prompt") => {
                    drop(self.choice.insert(key.clone(), value.clone()))
                }
                _ if value.is_string() => drop(self.choice.insert(key.clone(), value.clone())),
                _ => grow(&mut self.choice, key, value),
            }
        }
        // Some servers send an empty `message` beside each `delta`.
        let delta = choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"));
        for (key, value) in delta.and_then(Value::as_object).into_iter().flatten() {
            match (key.as_str(), value) {
                ("tool_calls", Value::Array(fragments)) => self.add_fragments(fragments),
                ("tool_calls", _) | (_, Value::Null) => {}
                ("role", role) => drop(self.message.insert(key.clone(), role.clone())),
                (_, value) => grow(&mut self.message, key, value),
            }
        }
    }

    /// Returns whether the server said that it was done; a stream that just ends was cut.
    pub(crate) fn is_finished(&self) -> bool {
        let has_answer = !self.calls.is_empty() || self.message.keys().any(|key| key != "role");
        let has_calls = !self.calls.is_empty() && self.calls.iter().all(StreamCall::is_whole);
        let is_done = self.done && (has_calls || (has_answer && self.top.contains_key("usage")));
        self.finish_reason.is_some() || is_done
    }

    /// Returns the answer as if it had come in one piece.
    pub(crate) fn into_body(self) -> Value {
        let mut message = self.message;
        if !self.calls.is_empty() {
            message.insert("tool_calls".to_owned(), self.calls.into_iter().map(StreamCall::into_body).collect());
        }
        let mut choice = self.choice;
        choice.insert("message".to_owned(), Value::Object(message));
        choice.insert("finish_reason".to_owned(), json!(self.finish_reason));
        let mut body = self.top;
        body.insert("choices".to_owned(), json!([choice]));
        Value::Object(body)
    }

    /// Adds the fragments of calls that came in one piece.
    fn add_fragments(&mut self, fragments: &[Value]) {
        for (position, fragment) in fragments.iter().map(Fragment::of).enumerate() {
            let is_unmarked = fragment.index.is_none() && fragment.id.is_empty();
            let stands_alone = position > 0 && is_unmarked && !fragment.name.is_empty();
            let place = self.place(&fragment).filter(|_| !stands_alone);
            let place = place.unwrap_or_else(|| {
                self.calls.push(StreamCall::new(fragment.index));
                self.calls.len() - 1
            });
            if let Some(call) = self.calls.get_mut(place) {
                call.add(&fragment);
            }
        }
    }

    /// Returns the position of the call that a fragment belongs to; `None` when it begins one.
    ///
    /// Some servers send no index, others the same one for every call, or another one for each fragment. What begins a
    /// call is a new id, unless there is an index and no name: some servers make an id up for each fragment. Behind
    /// arguments that are whole, a name begins one as well.
    fn place(&self, fragment: &Fragment<'_>) -> Option<usize> {
        let Fragment { index, id, name, .. } = *fragment;
        let at = |position: &usize| self.calls.get(*position);
        if index.is_some() && id.is_empty() && name.is_empty() {
            let of_index = self.calls.iter().rposition(|call| call.index == index);
            return of_index.or_else(|| self.calls.len().checked_sub(1));
        }
        let of_index = |call: &StreamCall| index.is_none() || call.index == index;
        // Whether a call is whole comes last: that takes a reading of all its arguments so far.
        let may_begin = id.is_empty() && !name.is_empty() && fragment.has_arguments();
        let begins_anew = |position: &usize| may_begin && at(position).is_some_and(StreamCall::is_whole);
        let known = self.calls.iter().rposition(|call| of_index(call) && (id.is_empty() || call.id == id));
        if known.is_some() {
            return known.filter(|position| !begins_anew(position));
        }
        index?;
        let latest = self.calls.iter().rposition(of_index)?;
        let open = at(&latest).is_some_and(|call| call.id.is_empty() || (name.is_empty() && !call.is_whole()));
        Some(latest).filter(|position| open && !begins_anew(position))
    }
}

/// Adds a value to a field: texts and lists are appended, objects are merged, anything else is replaced.
pub(crate) fn grow(fields: &mut Map<String, Value>, key: &str, value: &Value) {
    match (fields.get_mut(key), value) {
        (_, Value::Null) => {}
        (Some(Value::String(text)), Value::String(more)) if is_running(key) || text != more => text.push_str(more),
        (Some(Value::String(_)), Value::String(_)) => {}
        (Some(Value::Array(list)), Value::Array(more)) => more.iter().for_each(|item| extend(list, item)),
        // The text of some servers is now a list of parts, now a bare text.
        (Some(Value::Array(list)), Value::String(text)) => extend(list, &json!({ "type": "text", "text": text })),
        (Some(own @ Value::String(_)), Value::Array(more)) => {
            let text = own.as_str().filter(|text| !text.is_empty());
            let mut list: Vec<Value> = text.map(|text| json!({ "type": "text", "text": text })).into_iter().collect();
            more.iter().for_each(|item| extend(&mut list, item));
            *own = Value::Array(list);
        }
        (Some(Value::Object(own)), Value::Object(more)) => more.iter().for_each(|(key, value)| grow(own, key, value)),
        (_, value) => drop(fields.insert(key.to_owned(), value.clone())),
    }
}

/// Returns whether a text continues in the next piece even where that says the same; a text of another field that comes
/// twice is repeated.
fn is_running(key: &str) -> bool {
    const RUNNING: [&str; 9] = [
        "content",
        "text",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_text",
        "thinking",
        "thought",
        "summary",
    ];
    RUNNING.contains(&key)
}

/// Adds an item to a list; one with the `index` of an earlier one, such as a piece of `reasoning_details`, continues
/// with that one, and so does one of the latest one's kind where that is a text without an end.
fn extend(list: &mut Vec<Value>, item: &Value) {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let index = |value: &Value| value.get("index").and_then(Value::as_u64);
    let (kind, number) = (text(item, "type"), index(item));
    let same = |earlier: &Value| index(earlier) == number && text(earlier, "type") == kind;
    let goes_on = |latest: &Value| {
        matches!(kind.as_str(), "text" | "thinking" | "reasoning.text" | "reasoning.summary")
            && same(latest)
            && text(latest, "id") == text(item, "id")
            && text(latest, "signature").is_empty()
    };
    let place = match number {
        Some(_) => list.iter().position(same),
        None => list.last().is_some_and(goes_on).then(|| list.len() - 1),
    };
    let earlier = place.and_then(|place| list.get_mut(place));
    match (earlier, item) {
        (Some(Value::Object(earlier)), Value::Object(more)) => {
            for (key, value) in more {
                let settled = matches!(key.as_str(), "type" | "index" | "id" | "format");
                if !settled || !earlier.contains_key(key) {
                    grow(earlier, key, value);
                }
            }
        }
        _ => list.push(item.clone()),
    }
}
