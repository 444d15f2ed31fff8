//! Why an environment failed.

use tool_core::SandboxError;

/// Why an environment failed. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// No instance has this id: fix the id.
    #[error("unknown instance `{id}`{}", nearest.as_ref().map(|id| format!("\nhint: did you mean `{id}`?")).unwrap_or_default())]
    UnknownInstance {
        /// The id as given.
        id: String,
        /// The nearest known id.
        nearest: Option<String>,
    },
    /// The instance cannot be run as its row stands: fix the row or leave the instance out.
    #[error("instance `{id}`: {reason}")]
    Unusable {
        /// The instance.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// A file that the environment is made from is broken: fix the file.
    #[error("{0}")]
    Broken(String),
    /// Something after the base commit could still be read: the episode must not start.
    #[error("the repository's history could not be cleaned: {0}")]
    Leak(String),
    /// The image holds what would tell a solver the answer: the episode must not start.
    #[error("{0}")]
    LeakyImage(String),
    /// No patch could be taken from what the agent left behind: the episode ends without one.
    #[error("the patch could not be taken: {0}")]
    Patch(String),
    /// Infrastructure failed: try again.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl EnvError {
    /// Returns the error with the instance's id, where it has a place for one that was not known when it was made.
    #[must_use]
    pub fn for_instance(self, instance_id: &str) -> Self {
        match self {
            Self::Unusable { id, reason } if id.is_empty() => Self::Unusable { id: instance_id.to_owned(), reason },
            other => other,
        }
    }
}
