//! What a model may call.

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{FileError, Observation, Sandbox, SandboxError, Texts};

/// What a model may call. Its description is `prompts/tools/<NAME>.md`; the arguments' docs are the doc comments of
/// [`Tool::Args`].
pub trait Tool: Send + Sync + 'static {
    /// The tool's own name; agents may give it another on the wire.
    const NAME: &'static str;

    /// The arguments, as the model sends them.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// Runs the tool. What it says may come from `texts`.
    fn call(
        &self,
        args: Self::Args,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> impl Future<Output = Result<Observation, ToolError>> + Send;
}

/// Why a tool gave no observation. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The model is told, and the episode goes on.
    #[error("{0}")]
    Rejected(String),
    /// The sandbox is broken, and the episode ends.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl From<FileError> for ToolError {
    fn from(err: FileError) -> Self {
        match err {
            FileError::Sandbox(err) => Self::Sandbox(err),
            err => Self::Rejected(err.to_string()),
        }
    }
}
