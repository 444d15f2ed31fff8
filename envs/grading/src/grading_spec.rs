//! What a log and a patch are judged by.

use std::time::Duration;

use env_core::Dialect;
use serde::{Deserialize, Serialize};

use crate::parser::Parser;
use crate::script::OwnTests;

/// What a patch is judged by.
pub struct TestSpec {
    /// The bash script that applies the test patch and runs the tests.
    pub eval_script: String,
    /// How its log is read.
    pub grading: GradingSpec,
    /// How long the script may take.
    pub timeout: Duration,
    /// How other tests of the repository are run, or why they cannot be.
    pub own: Result<OwnTests, String>,
}

/// What a log is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradingSpec {
    /// Which official harness the verdict has to equal.
    pub dialect: Dialect,
    /// What reads the log.
    pub parser: Parser,
    /// What a test must be to count as passed.
    pub eval_type: EvalType,
    /// Tests that the fix must turn.
    pub fail_to_pass: Vec<String>,
    /// Tests that must keep passing.
    pub pass_to_pass: Vec<String>,
}

/// What a test must be to count as passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvalType {
    /// The log must say that it passed.
    #[default]
    PassAndFail,
    /// The log must not say that it failed; for runners that only name failing tests.
    FailOnly,
}
