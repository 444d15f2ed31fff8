//! One answer out of the pieces of a stream.

use serde_json::{Map, Value, json};

/// The pieces so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    content: String,
    calls: Vec<Call>,
    finish_reason: Option<String>,
    usage: Option<Value>,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Assembly {
    /// Adds a piece.
    pub(crate) fn add(&mut self, chunk: &Value) {
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage.clone());
        }
        let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) else { return };
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        for key in ["content", "refusal"] {
            self.content.push_str(delta.get(key).and_then(Value::as_str).unwrap_or_default());
        }
        for fragment in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.add_fragment(fragment);
        }
    }

    /// Returns whether the server said that it was done; a stream that just ends was cut.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Returns the answer as if it had come in one piece.
    pub(crate) fn into_body(self) -> Value {
        let call =
            |call: Call| json!({ "id": call.id, "function": { "name": call.name, "arguments": call.arguments } });
        let calls: Vec<Value> = self.calls.into_iter().map(call).collect();
        let message = json!({ "content": self.content, "tool_calls": calls });
        let mut body = Map::new();
        body.insert("choices".to_owned(), json!([{ "message": message, "finish_reason": self.finish_reason }]));
        body.extend(self.usage.map(|usage| ("usage".to_owned(), usage)));
        Value::Object(body)
    }

    fn add_fragment(&mut self, fragment: &Value) {
        let index = fragment.get("index").and_then(Value::as_u64);
        let text = |pointer: &str| fragment.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("/id"), text("/function/name"));
        // Without an index, a fragment belongs to the last call unless it brings another id.
        let belongs = |call: &Call| match index {
            Some(_) => call.index == index,
            None => id.is_empty() || call.id == id,
        };
        if !self.calls.last().is_some_and(belongs) && (index.is_none() || !self.calls.iter().any(belongs)) {
            self.calls.push(Call { index, ..Call::default() });
        }
        let Some(call) = self.calls.iter_mut().rev().find(|call| belongs(call)) else { return };
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
    }
}
