//! One message of a conversation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The system prompt.
    System,
    /// The instance, nudges, and corrections.
    User,
    /// The model.
    Assistant,
    /// The observation of a tool call.
    Tool,
}

impl Role {
    /// Returns the word of the chat completions interface for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message of a conversation, in the shape of the chat completions interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who it is from.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// The tools the model calls with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// For a tool's message: the id of the call that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// For a tool's message: the tool's name on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For a model's message: what its server sent beside the text and the calls, and may want back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extras: Option<Box<Extras>>,
}

/// What a server sent beside the text and the calls of a message, such as reasoning and signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// Further fields of the message, such as `reasoning_content`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub message: Map<String, Value>,
    /// Further fields of each call, in the order of the calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallExtras>,
}

/// What a server sent beside the name and the arguments of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallExtras {
    /// Further fields of the call, such as `extra_content` with a signature.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub call: Map<String, Value>,
    /// Further fields of its `function`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub function: Map<String, Value>,
}

impl CallExtras {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.call.is_empty() && self.function.is_empty()
    }
}

impl Extras {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.message.is_empty() && self.calls.iter().all(CallExtras::is_empty)
    }
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToolCall {
    /// Ties the call to its answer.
    pub id: String,
    /// The tool's name on the wire.
    pub name: String,
    /// The arguments as the model wrote them: JSON text, or what was meant as JSON.
    pub arguments: String,
}

impl Message {
    /// Returns a system message.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// Returns a user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// Returns an assistant message.
    pub fn assistant(content: impl Into<String>, tool_calls: Vec<ToolCall>) -> Self {
        Self { tool_calls, ..Self::new(Role::Assistant, content) }
    }

    /// Returns the message that answers `call`.
    pub fn tool(call: &ToolCall, content: impl Into<String>) -> Self {
        Self { tool_call_id: Some(call.id.clone()), name: Some(call.name.clone()), ..Self::new(Role::Tool, content) }
    }

    /// Returns the message with what its server sent beside the text and the calls.
    #[must_use]
    pub fn with_extras(self, extras: Extras) -> Self {
        Self { extras: (!extras.is_empty()).then(|| Box::new(extras)), ..self }
    }

    fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None, name: None, extras: None }
    }
}
