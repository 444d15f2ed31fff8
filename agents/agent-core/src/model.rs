//! The model: it answers requests.

use std::ops::AddAssign;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Message;

/// The model. Retries, prices and the wire format are the model's own affair.
#[async_trait]
pub trait Model: Send + Sync {
    /// Returns the name that goes into `model_name_or_path`.
    fn name(&self) -> &str;

    /// Answers a request.
    ///
    /// # Errors
    /// See [`ModelError`]; a [`ModelError::Transient`] has already been retried as far as the model's settings allow.
    async fn complete(&self, request: &Request) -> Result<Completion, ModelError>;
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools it may call; none means plain text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
}

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Name on the wire.
    pub name: String,
    /// What it does, from `prompts/tools`.
    pub description: String,
    /// JSON schema of the arguments.
    pub parameters: Value,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The assistant's message, with its tool calls.
    pub message: Message,
    /// Why it stopped.
    pub finish_reason: FinishReason,
    /// Tokens it took.
    #[serde(default)]
    pub usage: Usage,
    /// What it cost in US dollars; `None` when the price is unknown.
    #[serde(default)]
    pub cost: Option<f64>,
    /// What was wrong with a tool call that could not be read, in words for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
    /// What the server sent, as it came; `None` for answers of no server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Box<Served>>,
}

/// What a server sent of an answer, as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The whole message before anything was read out of it: text, reasoning, calls, and fields that are not known
    /// here.
    pub message: Value,
    /// The reason for stopping in the server's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The server's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model's name as the server gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the server calls its `system_fingerprint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// Tokens of the whole prompt, where the server sends them (`return_token_ids` of vLLM and SGLang).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_token_ids: Option<Vec<u64>>,
    /// Tokens of the answer, where the server sends them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_token_ids: Option<Vec<u64>>,
    /// The choice's `logprobs` as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Value>,
    /// The `usage` as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// Further fields of the choice, such as `stop_reason`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub choice: Map<String, Value>,
    /// Further fields of the whole answer, such as `created`, `provider` or `prompt_logprobs`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
    /// When the request was sent, in seconds since 1970 (UTC).
    #[serde(default)]
    pub asked_at: f64,
    /// When the answer was whole, in seconds since 1970 (UTC).
    #[serde(default)]
    pub answered_at: f64,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// It calls tools.
    ToolCalls,
    /// It reached the output limit.
    Length,
    /// The provider withheld the rest.
    ContentFilter,
    /// A reason of the provider's own, or none.
    Other(String),
}

/// Tokens of one or more calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens written, reasoning included.
    pub completion_tokens: u64,
    /// Tokens read from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
}

impl Usage {
    /// Returns tokens read and written.
    pub fn total(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.cached_tokens += other.cached_tokens;
    }
}

/// Why there is no answer. Variants are named by what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModelError {
    /// Try again, after the given time where the provider named one.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// The provider's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Shorten the request.
    #[error("{0}")]
    ContextLength(String),
    /// Fix the settings or the code; retrying does not help.
    #[error("{0}")]
    Permanent(String),
    /// Stop asking: the budget of the run is exhausted.
    #[error("{0}")]
    Budget(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_queries_took_adds_up_and_the_cached_part_is_read_once() {
        let mut sum = Usage::default();
        for (prompt_tokens, completion_tokens, cached_tokens) in [(10, 2, 7), (20, 3, 9)] {
            sum += Usage { prompt_tokens, completion_tokens, cached_tokens };
        }
        assert_eq!(sum, Usage { prompt_tokens: 30, completion_tokens: 5, cached_tokens: 16 });
        assert_eq!(sum.total(), 35);
    }
}
