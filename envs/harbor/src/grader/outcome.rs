//! What the grader says of a patch.

use env_core::{Failure, Infra, Report};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The key of the reward in a reward file.
pub const REWARD: &str = "reward";
/// The key that stands beside the reward where infrastructure kept the patch from being judged; its value is 1.
pub const INFRASTRUCTURE: &str = "infrastructure";

/// What the grader says of a patch, as the report holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The instance; empty where the specification could not be read.
    pub instance_id: String,
    /// The official verdict.
    pub report: Report,
    /// Why it is not an ordinary one, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Sign in the log that the environment broke; it is advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra: Option<Infra>,
    /// Why the patch could not be judged at all, through no fault of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<String>,
    /// The log of applying and testing.
    #[serde(skip)]
    pub test_output: Vec<u8>,
}

impl Outcome {
    /// Returns the outcome of a patch that could not be judged.
    pub(crate) fn broken(instance_id: &str, reason: String) -> Self {
        Self { instance_id: instance_id.to_owned(), infrastructure: Some(reason), ..Self::default() }
    }

    /// Returns the reward file.
    pub fn reward_json(&self) -> String {
        let reward = u8::from(self.report.resolved);
        let value = match self.infrastructure {
            Some(_) => json!({ REWARD: 0, INFRASTRUCTURE: 1 }),
            None => json!({ REWARD: reward }),
        };
        format!("{value}\n")
    }

    /// Returns the report.
    pub(crate) fn json(&self) -> String {
        // Nothing in it can fail to be written.
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }
}
