//! Lends tool calls to a model that has none.

use std::collections::HashSet;
use std::sync::Arc;

use agent_core::{Completion, FinishReason, Message, Model, ModelError, Request, ToolCall};
use async_trait::async_trait;
use prompts::{PromptError, Prompts};

use crate::response::unique;
use crate::{parse_calls, to_text};

/// The stop word: a call ends the message.
pub(crate) const STOP_WORD: &str = "</function";

/// Wraps a model that is asked, and answers, in plain text.
pub(crate) struct TextProtocol {
    inner: Arc<dyn Model>,
    several: bool,
    prompts: Prompts,
}

impl TextProtocol {
    /// `several` tells the model that a message may hold several calls.
    pub(crate) fn new(inner: Arc<dyn Model>, several: bool, prompts: Prompts) -> Self {
        Self { inner, several, prompts }
    }

    fn read(&self, mut completion: Completion, request: &Request) -> Result<Completion, PromptError> {
        if request.tools.is_empty() || !completion.message.tool_calls.is_empty() {
            return Ok(completion);
        }
        let whole = completion.finish_reason != FinishReason::Length;
        match parse_calls(&completion.message.content, whole) {
            Ok(read) if read.calls.is_empty() => {}
            Ok(read) => {
                completion.message = Message::assistant(read.words, with_ids(read.calls, request));
                completion.finish_reason = FinishReason::ToolCalls;
            }
            Err(unreadable) => completion.malformed = Some(self.prompts.render("llm/malformed_call.md", unreadable)?),
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
        let messages = to_text(&request.messages, &request.tools, self.several, &self.prompts).map_err(permanent)?;
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
