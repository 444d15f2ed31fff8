//! Fields of a server's message that are not known here: what is kept of them, and what goes back.

use agent_core::{CallExtras, Extras, Message};
use serde_json::{Map, Value};

use crate::SendReasoning;

/// Fields of a message that are read, or that say something of the answer only.
const READ: [&str; 13] = [
    "role",
    "content",
    "tool_calls",
    "function_call",
    "refusal",
    "annotations",
    "audio",
    "name",
    "prompt_token_ids",
    "token_ids",
    "generation_token_ids",
    "generation_log_probs",
    "logprobs",
];

/// Fields in which servers send what a model thought.
pub(crate) const REASONING: [&str; 6] =
    ["reasoning_content", "reasoning_details", "reasoning", "thinking_blocks", "reasoning_opaque", PARTS];

/// The text of a message, which some servers send, and want back, as a list of parts with thoughts among them.
pub(crate) const PARTS: &str = "content";

/// Returns what a server's message holds beside its text and its calls.
pub(crate) fn extras(message: &Value) -> Extras {
    let fields = message.as_object().cloned().unwrap_or_default();
    let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut calls: Vec<CallExtras> = calls.iter().map(call_extras).collect();
    if calls.iter().all(CallExtras::is_empty) {
        calls.clear();
    }
    let parts = fields.get(PARTS).filter(|content| has_thoughts(content)).cloned();
    let mut message = without(fields, &READ);
    message.extend(parts.map(|parts| (PARTS.to_owned(), parts)));
    Extras { message, calls }
}

/// Returns whether a text is a list with parts that are not text.
fn has_thoughts(content: &Value) -> bool {
    let is_text = |part: &Value| {
        part.is_string() || matches!(part.get("type").and_then(Value::as_str), None | Some("text" | "output_text"))
    };
    content.as_array().is_some_and(|parts| !parts.iter().all(is_text))
}

fn call_extras(call: &Value) -> CallExtras {
    let Some(fields) = call.as_object().cloned() else { return CallExtras::default() };
    // Some servers leave `function` out, and its fields stand in the call.
    let function = fields.get("function").and_then(Value::as_object).cloned().unwrap_or_default();
    CallExtras {
        call: without(fields, &["id", "type", "index", "function", "name", "arguments"]),
        function: without(function, &["name", "arguments"]),
    }
}

fn without(mut fields: Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    fields.retain(|key, value| !known.contains(&key.as_str()) && !value.is_null());
    fields
}

/// What goes back to a server of what it sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Returned<'a> {
    pub(crate) reasoning: SendReasoning,
    /// Fields that the server refused.
    pub(crate) refused: &'a std::collections::BTreeSet<String>,
}

impl Returned<'_> {
    /// Puts what a server sent beside the text and the calls of `message` back into the JSON of it.
    pub(crate) fn put(self, message: &Message, body: &mut Value) {
        let (Some(extras), Some(body)) = (message.extras.as_deref(), body.as_object_mut()) else { return };
        let wanted = |key: &str| !self.refused.contains(key);
        for (key, value) in &extras.message {
            let sent = self.reasoning == SendReasoning::Auto || !REASONING.contains(&key.as_str());
            if sent && wanted(key) && (!body.contains_key(key) || key == PARTS) {
                body.insert(key.clone(), value.clone());
            }
        }
        let calls = body.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten();
        for (call, extras) in calls.zip(&extras.calls) {
            let CallExtras { call: own, function } = extras;
            add(call, own, wanted);
            if let Some(body) = call.get_mut("function") {
                add(body, function, wanted);
            }
        }
    }
}

fn add(body: &mut Value, fields: &Map<String, Value>, wanted: impl Fn(&str) -> bool) {
    let Some(body) = body.as_object_mut() else { return };
    for (key, value) in fields.iter().filter(|(key, _)| wanted(key)) {
        body.entry(key.clone()).or_insert_with(|| value.clone());
    }
}
