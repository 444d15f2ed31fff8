//! Answers written by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use agent_core::{Completion, FinishReason, Message, Model, ModelError, Request, ToolCall, Usage, escaped};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

/// Answers with the turns of a YAML or JSON text, whatever is asked.
#[derive(Debug)]
pub struct Script {
    name: String,
    turns: Vec<Result<Completion, ScriptedError>>,
    next: AtomicUsize,
}

/// The text's form. In all texts, `{root}` stands for the repository's place in the sandbox.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    /// The model's name. Default `script`.
    #[serde(default)]
    model: Option<String>,
    turns: Vec<Turn>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Turn {
    content: String,
    calls: Vec<Call>,
    usage: Usage,
    /// US dollars. Default 0.
    cost: f64,
    finish_reason: Option<FinishReason>,
    /// What was wrong with a call that could not be read.
    malformed: Option<String>,
    /// Fails the turn instead of answering.
    error: Option<ScriptedError>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    /// A mapping, or a text that is sent as it is.
    #[serde(default)]
    arguments: Value,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScriptedError {
    Transient,
    ContextLength,
    Permanent,
}

impl Script {
    /// Reads a script, with `root` put in place of `{root}`.
    ///
    /// # Errors
    /// When the text does not parse, and where.
    pub fn parse(text: &str, root: &str) -> Result<Self, String> {
        let text: Text = serde_yaml::from_str(text).map_err(|err| err.to_string())?;
        let mut calls = 0;
        let turns = text.turns.into_iter().map(|turn| turn.into_answer(root, &mut calls)).collect();
        let name = text.model.unwrap_or_else(|| "script".to_owned());
        Ok(Self { name, turns, next: AtomicUsize::new(0) })
    }
}

impl Turn {
    fn into_answer(self, root: &str, calls: &mut usize) -> Result<Completion, ScriptedError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut tool_call = |call: Call| {
            let id = format!("call_{calls}");
            *calls += 1;
            let arguments = match call.arguments {
                Value::String(text) => text.replace("{root}", &escaped(root)),
                Value::Null => "{}".to_owned(),
                value => value.to_string().replace("{root}", &escaped(root)),
            };
            ToolCall { id, name: call.name, arguments }
        };
        let tool_calls: Vec<ToolCall> = self.calls.into_iter().map(&mut tool_call).collect();
        let usual = if tool_calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        Ok(Completion {
            message: Message::assistant(self.content.replace("{root}", root), tool_calls),
            finish_reason: self.finish_reason.unwrap_or(usual),
            usage: self.usage,
            cost: Some(self.cost),
            malformed: self.malformed,
            served: None,
        })
    }
}

#[async_trait]
impl Model for Script {
    fn name(&self) -> &str {
        &self.name
    }

    async fn complete(&self, _: &Request) -> Result<Completion, ModelError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        match self.turns.get(index) {
            Some(Ok(completion)) => Ok(completion.clone()),
            Some(Err(error)) => Err(error.as_model_error(index + 1)),
            None => Err(ModelError::Permanent(format!("the script ended, all {} turns were used", self.turns.len()))),
        }
    }
}

impl ScriptedError {
    fn as_model_error(self, turn: usize) -> ModelError {
        let message = format!("the script says so in turn {turn}");
        match self {
            Self::Transient => ModelError::Transient { message, retry_after: None },
            Self::ContextLength => ModelError::ContextLength(message),
            Self::Permanent => ModelError::Permanent(message),
        }
    }
}
