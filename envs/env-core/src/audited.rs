//! What is known of leaks in the image of an episode.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens where the certificate of an image says that it holds what would tell a solver the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnLeak {
    /// No episode starts.
    #[default]
    Refuse,
    /// What was found is removed from the sandbox before the episode; it does not start where that is not safe.
    Remove,
    /// The episode starts all the same, and its record says so.
    Warn,
}

impl FromStr for OnLeak {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "refuse" => Ok(Self::Refuse),
            "remove" => Ok(Self::Remove),
            "warn" => Ok(Self::Warn),
            _ => Err(format!("`{name}` is nothing to do about a leak: there are refuse, remove and warn")),
        }
    }
}

/// What the check at an episode's start has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Audited {
    /// What the certificate says.
    pub result: AuditResult,
    /// SHA-256 of the certificate's file; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// How many findings a solver would see.
    #[serde(skip_serializing_if = "is_zero")]
    pub alarms: usize,
    /// Paths that were removed before the episode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// What the certificate of an image says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditResult {
    /// There is none for this image and instance.
    #[default]
    None,
    /// A solver would see nothing of what was looked for.
    Clean,
    /// A solver would see what was found.
    Leaks,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
