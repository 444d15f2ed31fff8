//! What a verifier outside of this program needs.

use std::time::Duration;

use serde_json::Value;
use tool_core::Image;

/// What a verifier outside of this program needs to judge patches of an instance. For evaluation only: it holds the
/// hidden tests.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// What its sandbox is started from, as it is before the patch.
    pub image: Image,
    /// The bash script that applies the hidden tests and runs them, in the repository.
    pub script: String,
    /// How long the script may take.
    pub timeout: Duration,
    /// How the script's output is read, as `grading::GradingSpec` is written.
    pub grading: Value,
}
