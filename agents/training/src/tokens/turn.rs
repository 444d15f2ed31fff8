//! A message of a conversation to train on.

use agent_core::Message;
use serde_json::{Map, Value, json};

/// A message, and whether its tokens count in the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The message.
    pub message: Message,
    /// Whether it is trained; only answers of the model are.
    pub trained: bool,
    /// What the model thought before it answered, where rows hold that.
    pub reasoning: Option<String>,
}

impl Turn {
    /// Returns whether it says and calls nothing.
    pub fn is_blank(&self) -> bool {
        self.message.content.trim().is_empty() && self.message.tool_calls.is_empty()
    }

    /// Returns the message in the shape of the chat completions interface. Arguments are an object where `object`, and
    /// the JSON text that the model wrote where not, or where that is no JSON.
    pub fn chat(&self, object: bool) -> Map<String, Value> {
        let message = &self.message;
        let mut chat = Map::new();
        chat.insert("role".to_owned(), json!(message.role));
        chat.insert("content".to_owned(), json!(message.content));
        if let Some(reasoning) = &self.reasoning {
            chat.insert("reasoning_content".to_owned(), json!(reasoning));
        }
        if !message.tool_calls.is_empty() {
            let call = |call: &agent_core::ToolCall| {
                let parsed = object.then(|| serde_json::from_str::<Value>(&call.arguments).ok()).flatten();
                let arguments = parsed.unwrap_or_else(|| json!(call.arguments));
                json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
            };
            chat.insert("tool_calls".to_owned(), message.tool_calls.iter().map(call).collect());
        }
        if let Some(id) = &message.tool_call_id {
            chat.insert("tool_call_id".to_owned(), json!(id));
        }
        if let Some(name) = &message.name {
            chat.insert("name".to_owned(), json!(name));
        }
        chat
    }
}
