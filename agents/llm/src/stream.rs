//! One answer out of the pieces of a stream.

use serde_json::{Map, Value, json};

use crate::sse::DONE;

/// The pieces so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// Fields of the answer, such as `id`, `model` and `usage`; the last word on each counts.
    top: Map<String, Value>,
    /// Fields of the choice, such as `token_ids` and `logprobs`; lists grow.
    choice: Map<String, Value>,
    /// Fields of the message; texts and lists grow.
    message: Map<String, Value>,
    calls: Vec<Call>,
    finish_reason: Option<String>,
    done: bool,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    /// Further fields of the call.
    fields: Map<String, Value>,
    /// Further fields of its `function`.
    function: Map<String, Value>,
}

impl Assembly {
    /// Adds a piece.
    pub(crate) fn add(&mut self, chunk: &Value) {
        if chunk.get("object").and_then(Value::as_str) == Some(DONE) {
            self.done = true;
            return;
        }
        for (key, value) in chunk.as_object().into_iter().flatten() {
            if key != "choices" && !value.is_null() {
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
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
        for (key, value) in choice.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "index" | "delta" | "message" | "finish_reason") {
                grow(&mut self.choice, key, value);
            }
        }
        // Some servers send an empty `message` beside each `delta`.
        let delta = choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"));
        for (key, value) in delta.and_then(Value::as_object).into_iter().flatten() {
            match (key.as_str(), value) {
                ("tool_calls", Value::Array(fragments)) => fragments.iter().for_each(|part| self.add_fragment(part)),
                ("tool_calls", _) | (_, Value::Null) => {}
                ("role", role) => drop(self.message.insert(key.clone(), role.clone())),
                (_, value) => grow(&mut self.message, key, value),
            }
        }
    }

    /// Returns whether the server said that it was done; a stream that just ends was cut.
    pub(crate) fn is_finished(&self) -> bool {
        let has_answer = !self.calls.is_empty() || self.message.keys().any(|key| key != "role");
        self.finish_reason.is_some() || (self.done && has_answer && self.top.contains_key("usage"))
    }

    /// Returns the answer as if it had come in one piece.
    pub(crate) fn into_body(self) -> Value {
        let mut message = self.message;
        if !self.calls.is_empty() {
            message.insert("tool_calls".to_owned(), self.calls.into_iter().map(Call::into_body).collect());
        }
        let mut choice = self.choice;
        choice.insert("message".to_owned(), Value::Object(message));
        choice.insert("finish_reason".to_owned(), json!(self.finish_reason));
        let mut body = self.top;
        body.insert("choices".to_owned(), json!([choice]));
        Value::Object(body)
    }

    fn add_fragment(&mut self, fragment: &Value) {
        let index = fragment.get("index").and_then(Value::as_u64);
        let text = |pointer: &str| fragment.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("/id"), text("/function/name"));
        let position = self.place(index, id, name).unwrap_or_else(|| {
            self.calls.push(Call { index, ..Call::default() });
            self.calls.len() - 1
        });
        let Some(call) = self.calls.get_mut(position) else { return };
        if call.id.is_empty() {
            call.id.push_str(id);
        }
        // Some servers repeat the name with every fragment.
        if call.name != name {
            call.name.push_str(name);
        }
        match fragment.pointer("/function/arguments") {
            Some(Value::String(arguments)) => call.arguments.push_str(arguments),
            None | Some(Value::Null) => {}
            Some(arguments) => call.arguments.push_str(&arguments.to_string()),
        }
        for (key, value) in fragment.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "index" | "id" | "type" | "function") {
                grow(&mut call.fields, key, value);
            }
        }
        for (key, value) in fragment.get("function").and_then(Value::as_object).into_iter().flatten() {
            if !matches!(key.as_str(), "name" | "arguments") {
                grow(&mut call.function, key, value);
            }
        }
    }

    /// Returns the position of the call that a fragment belongs to; `None` when it begins one.
    ///
    /// Some servers send no index, others the same one for every call: a new id with a name begins a call. A new id
    /// alone does not where there is an index, since some servers make one up for each fragment.
    fn place(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let of_index = |call: &Call| index.is_none() || call.index == index;
        let found = self.calls.iter().rposition(|call| of_index(call) && (id.is_empty() || call.id == id));
        let latest = || self.calls.iter().rposition(of_index);
        match found {
            Some(position) => Some(position),
            None if index.is_none() => None,
            None => latest()
                .filter(|position| name.is_empty() || self.calls.get(*position).is_some_and(|call| call.id.is_empty())),
        }
    }
}

impl Call {
    fn into_body(self) -> Value {
        let mut function = self.function;
        function.insert("name".to_owned(), json!(self.name));
        function.insert("arguments".to_owned(), json!(self.arguments));
        let mut call = self.fields;
        call.insert("id".to_owned(), json!(self.id));
        call.insert("type".to_owned(), json!("function"));
        call.insert("function".to_owned(), Value::Object(function));
        Value::Object(call)
    }
}

/// Adds a value to a field: texts and lists go on, objects field by field, anything else is replaced.
fn grow(fields: &mut Map<String, Value>, key: &str, value: &Value) {
    match (fields.get_mut(key), value) {
        (_, Value::Null) => {}
        (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
        (Some(Value::Array(list)), Value::Array(more)) => more.iter().for_each(|item| extend(list, item)),
        (Some(Value::Object(own)), Value::Object(more)) => more.iter().for_each(|(key, value)| grow(own, key, value)),
        (_, value) => drop(fields.insert(key.to_owned(), value.clone())),
    }
}

/// Adds an item to a list; one with the `index` of an earlier one, such as a piece of `reasoning_details`, goes on with
/// that one.
fn extend(list: &mut Vec<Value>, item: &Value) {
    let index = item.get("index").and_then(Value::as_u64);
    let kind = item.get("type");
    let same = |earlier: &&mut Value| {
        index.is_some() && earlier.get("index").and_then(Value::as_u64) == index && earlier.get("type") == kind
    };
    match (list.iter_mut().find(same), item) {
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
