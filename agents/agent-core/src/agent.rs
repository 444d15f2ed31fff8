//! The agent: it decides what to do, one step at a time.

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tool_core::{SandboxError, Toolbox};

use crate::{Episode, ExitStatus, Limit, ModelError};

/// An agent: decides what to do, one step at a time.
pub trait Agent: Send + Sized + 'static {
    /// The agent's name: its crate, its folder below `prompts`, its block in the configuration.
    const NAME: &'static str;

    /// The agent's own settings.
    type Config: DeserializeOwned + Serialize + JsonSchema + Default + Clone + Send + Sync;

    /// Returns an agent for one episode.
    fn new(config: Self::Config) -> Self;

    /// Returns the tools that the agent offers to the model.
    fn tools(&self) -> Toolbox;

    /// Puts the first messages into the conversation.
    ///
    /// # Errors
    /// See [`AgentError`].
    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError>;

    /// Takes one step: usually one query, and the tool calls of the answer.
    fn step(&mut self, episode: &mut Episode) -> impl Future<Output = Result<Flow, AgentError>> + Send;
}

/// Whether an episode continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Another step follows.
    Continue,
    /// The work is handed in.
    Submit,
}

/// Why an episode ends without a submission.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A limit was reached.
    #[error("limit reached: {0:?}")]
    Limit(Limit),
    /// The agent found that it cannot solve the instance.
    #[error("gave up: {0}")]
    GaveUp(String),
    /// The model gave no answer.
    #[error("model: {0}")]
    Model(#[from] ModelError),
    /// The sandbox broke.
    #[error("sandbox: {0}")]
    Sandbox(#[from] SandboxError),
    /// A template is missing or broken.
    #[error(transparent)]
    Prompt(#[from] prompts::PromptError),
    /// The trajectory could not be written.
    #[error("trajectory: {0}")]
    Record(#[from] std::io::Error),
    /// Something else in the agent's own code.
    #[error("{0}")]
    Failed(String),
}

impl From<AgentError> for ExitStatus {
    fn from(err: AgentError) -> Self {
        match err {
            AgentError::Limit(limit) => Self::Limit(limit),
            AgentError::GaveUp(why) => Self::GaveUp(why),
            AgentError::Model(ModelError::ContextLength(_)) => Self::Limit(Limit::Context),
            AgentError::Model(ModelError::Budget(why)) => Self::BudgetSpent(why),
            AgentError::Model(err) => Self::ModelFailed(err.to_string()),
            AgentError::Sandbox(SandboxError::Damaged(how)) => Self::SandboxDamaged(how),
            AgentError::Sandbox(err) => Self::SandboxFailed(err.to_string()),
            err @ (AgentError::Prompt(_) | AgentError::Record(_) | AgentError::Failed(_)) => {
                Self::AgentFailed(err.to_string())
            }
        }
    }
}
