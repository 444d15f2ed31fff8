//! What a model may call.

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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
    /// The message is shown to the model, and the episode continues.
    #[error("{0}")]
    Rejected(String),
    /// As [`ToolError::Rejected`], with a text of [`Texts`] by its name.
    #[error("{text}: {values}")]
    Refused {
        /// The name of the text.
        text: &'static str,
        /// What it names.
        values: Value,
    },
    /// The sandbox is broken, and the episode ends.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl ToolError {
    /// Returns the message for the model.
    ///
    /// # Errors
    /// A broken sandbox, of which there is nobody to tell.
    pub fn message(self, texts: &dyn Texts) -> Result<String, SandboxError> {
        match self {
            Self::Rejected(why) => Ok(why),
            Self::Refused { text, values } => Ok(texts.render(text, values)),
            Self::Sandbox(err) => Err(err),
        }
    }
}

impl From<FileError> for ToolError {
    fn from(err: FileError) -> Self {
        let (text, values) = match err {
            FileError::Sandbox(err) => return Self::Sandbox(err),
            FileError::NotFound(path) => ("file/not_found", json!({ "path": path })),
            FileError::IsDirectory(path) => ("file/is_directory", json!({ "path": path })),
            FileError::Outside { path, target } => ("file/outside", json!({ "path": path, "target": target })),
            FileError::TooLarge { path, size, limit } => {
                ("file/too_large", json!({ "path": path, "size": size, "limit": limit }))
            }
            FileError::Refused { path, reason } => ("file/refused", json!({ "path": path, "reason": reason })),
        };
        Self::Refused { text, values }
    }
}
