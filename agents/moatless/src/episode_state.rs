//! The state of an episode, shared between the agent and its tools.

use std::sync::Arc;

use search::{Checkout, SearchRequest};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tool_core::{Sandbox, Texts, ToolError};

use crate::config::Config;
use crate::context::FileContext;
use crate::machine::StateMachine;

/// The state of an episode.
pub(crate) struct EpisodeState {
    pub(crate) config: Config,
    pub(crate) checkout: Arc<Checkout>,
    progress: Mutex<Progress>,
}

/// What changes in the course of an episode.
pub(crate) struct Progress {
    pub(crate) machine: StateMachine,
    pub(crate) work: Work,
}

/// What has been found and done so far.
#[derive(Default)]
pub(crate) struct Work {
    /// The issue, whose words are the first search.
    pub(crate) issue: String,
    /// The code that was identified.
    pub(crate) context: FileContext,
    /// What was searched for.
    pub(crate) searched: Vec<SearchRequest>,
    /// Decisions that found the file context relevant.
    pub(crate) relevant: usize,
    /// What each edit that was made was asked to do.
    pub(crate) edits: Vec<String>,
}

/// The context in which a state asks or acts.
pub(crate) struct ActionContext<'a> {
    pub(crate) config: &'a Config,
    pub(crate) checkout: &'a Checkout,
    pub(crate) sandbox: &'a dyn Sandbox,
    pub(crate) texts: &'a dyn Texts,
    pub(crate) work: &'a mut Work,
}

impl EpisodeState {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let checkout = Checkout::new(config.search.clone());
        let progress = Progress { machine: StateMachine::new(), work: Work::default() };
        Arc::new(Self { config, checkout, progress: Mutex::new(progress) })
    }

    pub(crate) async fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().await
    }

    pub(crate) fn action_context<'a>(
        &'a self,
        sandbox: &'a dyn Sandbox,
        texts: &'a dyn Texts,
        work: &'a mut Work,
    ) -> ActionContext<'a> {
        ActionContext { config: &self.config, checkout: &self.checkout, sandbox, texts, work }
    }
}

impl ActionContext<'_> {
    /// Refuses an answer with the text of this name.
    pub(crate) fn reject<T>(&self, name: &str) -> Result<T, ToolError> {
        self.reject_with(name, json!({}))
    }

    /// As [`ActionContext::reject`], with values for the text.
    pub(crate) fn reject_with<T>(&self, name: &str, values: Value) -> Result<T, ToolError> {
        Err(ToolError::Rejected(self.texts.render(name, values)))
    }
}
