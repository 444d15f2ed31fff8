//! A model that answers from a list and keeps what it was asked.

use std::sync::Mutex;

use agent_core::{Completion, FinishReason, Message, Model, ModelError, Request, ToolCall, Usage};
use async_trait::async_trait;
use serde_json::{Value, json};

/// A model that answers from a list and keeps what it was asked. Every answer takes 15 tokens and one cent.
pub(crate) struct Scripted {
    turns: Vec<Value>,
    state: Mutex<(usize, Vec<Request>)>,
}

/// Returns a turn with one call.
pub(crate) fn call(name: &str, arguments: Value) -> Value {
    json!({ "calls": [{ "name": name, "raw": arguments.to_string() }] })
}

/// Returns a turn without a call.
pub(crate) fn say(text: &str) -> Value {
    json!({ "content": text })
}

impl Scripted {
    pub(crate) fn new(turns: Vec<Value>) -> Self {
        Self { turns, state: Mutex::default() }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().1.clone()
    }
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let (index, turn) = {
            let mut state = self.state.lock().unwrap();
            let index = state.0;
            state.0 += 1;
            state.1.push(request.clone());
            (index, self.turns.get(index).cloned())
        };
        let Some(turn) = turn else { return Err(ModelError::Permanent("the list is at its end".to_owned())) };
        match turn["error"].as_str() {
            Some("context_length") => return Err(ModelError::ContextLength("too long".to_owned())),
            Some(_) => return Err(ModelError::Permanent("no".to_owned())),
            None => {}
        }
        let calls = turn["calls"].as_array().cloned().unwrap_or_default();
        let calls = calls.iter().enumerate().map(|(number, call)| ToolCall {
            id: format!("call_{index}_{number}"),
            name: call["name"].as_str().unwrap().to_owned(),
            arguments: call["raw"].as_str().unwrap().to_owned(),
        });
        Ok(Completion {
            message: Message::assistant(turn["content"].as_str().unwrap_or_default(), calls.collect()),
            finish_reason: if turn["cut"] == true { FinishReason::Length } else { FinishReason::Stop },
            usage: Usage { prompt_tokens: 10, completion_tokens: 5, cached_tokens: 0 },
            cost: Some(0.01),
            malformed: turn["malformed"].as_str().map(str::to_owned),
            served: None,
        })
    }
}
