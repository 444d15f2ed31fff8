//! Adds tool calls to a model without native ones.

use std::collections::HashSet;
use std::sync::Arc;

use agent_core::{Completion, Extras, FinishReason, Message, Model, ModelError, Request, ToolCall, ToolSpec};
use async_trait::async_trait;
use prompts::{PromptError, Prompts};

use crate::calls::json_tools::malformed;
use crate::calls::thoughts;
use crate::server::extras::PARTS;
use crate::server::response::unique;
use crate::{TextCalls, parse_calls, parse_json_call, to_json_text, to_text};

/// How calls are written in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// As `<function=…>`.
    Functions {
        /// Whether the model is told that a message may hold several calls.
        several: bool,
    },
    /// As a JSON object, with long texts between tags.
    Json,
}

impl Form {
    /// Returns the text that ends an answer: a call ends the message.
    pub(crate) fn stop_word(self) -> Option<&'static str> {
        match self {
            Self::Functions { .. } => Some("</function"),
            Self::Json => None,
        }
    }

    fn write(self, request: &Request, prompts: &Prompts) -> Result<Vec<Message>, PromptError> {
        match self {
            Self::Functions { several } => to_text(&request.messages, &request.tools, several, prompts),
            Self::Json => to_json_text(&request.messages, &request.tools, prompts),
        }
    }

    /// Reads an answer, or returns what was wrong with it in words for the model.
    fn read(
        self,
        text: &str,
        whole: bool,
        tools: &[ToolSpec],
        prompts: &Prompts,
    ) -> Result<Result<TextCalls, String>, PromptError> {
        let words = match self {
            Self::Functions { .. } => match parse_calls(text, whole) {
                Ok(read) => return Ok(Ok(read)),
                Err(unreadable) => prompts.render("llm/malformed_call.md", unreadable)?,
            },
            Self::Json => match parse_json_call(text, tools, whole) {
                Ok(read) => return Ok(Ok(read)),
                Err(unreadable) => malformed(unreadable, tools, prompts)?,
            },
        };
        Ok(Err(words))
    }
}

/// Wraps a model that is asked, and answers, in plain text.
pub(crate) struct TextProtocol {
    inner: Arc<dyn Model>,
    form: Form,
    prompts: Prompts,
}

impl TextProtocol {
    pub(crate) fn new(inner: Arc<dyn Model>, form: Form, prompts: Prompts) -> Self {
        Self { inner, form, prompts }
    }

    fn read(&self, mut completion: Completion, request: &Request) -> Result<Completion, PromptError> {
        if request.tools.is_empty() || !completion.message.tool_calls.is_empty() {
            return Ok(completion);
        }
        let whole = completion.finish_reason != FinishReason::Length;
        // What the model only thinks about is no call.
        let opening = match self.form {
            Form::Functions { .. } => "<function=",
            Form::Json => "{",
        };
        let (thought, said) = thoughts::split(&completion.message.content, opening);
        match self.form.read(&said, whole, &request.tools, &self.prompts)? {
            Ok(read) if read.calls.is_empty() => {}
            Ok(read) => {
                let mut fields = completion.message.extras.take().map(|extras| extras.message).unwrap_or_default();
                // The calls are rewritten, so that the parts in which the text came are no longer it.
                fields.remove(PARTS);
                let extras = Extras { message: fields, calls: Vec::new() };
                let words = if thought.is_empty() { read.words } else { format!("{thought}{}", read.words) };
                let words = words.trim_end().to_owned();
                completion.message = Message::assistant(words, with_ids(read.calls, request)).with_extras(extras);
                completion.finish_reason = FinishReason::ToolCalls;
            }
            Err(words) => completion.malformed = Some(words),
        }
        Ok(completion)
    }
}

#[async_trait]
impl Model for TextProtocol {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let permanent = |err: PromptError| ModelError::Permanent(err.to_string());
        let messages = self.form.write(request, &self.prompts).map_err(permanent)?;
        let completion = self.inner.complete(&Request { messages, tools: Vec::new() }).await?;
        self.read(completion, request).map_err(permanent)
    }
}

fn with_ids(calls: Vec<(String, String)>, request: &Request) -> Vec<ToolCall> {
    let earlier = || request.messages.iter().flat_map(|message| &message.tool_calls);
    let mut taken: HashSet<String> = earlier().map(|call| call.id.clone()).collect();
    let first = earlier().count();
    let numbered = calls.into_iter().enumerate();
    let call = |(index, (name, arguments))| ToolCall { id: unique("", first + index, &mut taken), name, arguments };
    numbered.map(call).collect()
}
