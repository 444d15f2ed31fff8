//! What a tool call showed.

use serde::{Deserialize, Serialize};

/// What a tool call showed, as the model will read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The text for the model.
    pub text: String,
    /// Whether the call was refused or failed; a command that ran and exited non-zero is not an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// Exit code, where a command ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl Observation {
    /// Returns an observation of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns an observation that says what was wrong with the call.
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true, exit_code: None }
    }
}
