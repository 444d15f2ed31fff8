//! Limits a message to one tool call.

use std::sync::Arc;

use agent_core::{Completion, Model, ModelError, Request};
use async_trait::async_trait;
use prompts::Prompts;
use serde::Serialize;

/// Wraps a model whose messages may carry several calls; all but the first are dropped, or all are refused.
pub(crate) struct CallLimit {
    inner: Arc<dyn Model>,
    refuse: bool,
    prompts: Prompts,
}

impl CallLimit {
    pub(crate) fn new(inner: Arc<dyn Model>, refuse: bool, prompts: Prompts) -> Self {
        Self { inner, refuse, prompts }
    }
}

#[async_trait]
impl Model for CallLimit {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        #[derive(Serialize)]
        struct Variables {
            count: usize,
            names: Vec<String>,
        }
        let mut completion = self.inner.complete(request).await?;
        let calls = &mut completion.message.tool_calls;
        if calls.len() < 2 {
            return Ok(completion);
        }
        if !self.refuse {
            calls.truncate(1);
            return Ok(completion);
        }
        let names = calls.drain(..).map(|call| call.name).collect::<Vec<_>>();
        let told = self.prompts.render("llm/several_calls.md", Variables { count: names.len(), names });
        completion.malformed = Some(told.map_err(|err| ModelError::Permanent(err.to_string()))?);
        Ok(completion)
    }
}
