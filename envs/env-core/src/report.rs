//! The verdict on a patch, with the official harness's field names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InfraReason;

/// The verdict on a patch, as in the official `report.json` below the instance id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether no patch was handed in at all.
    #[serde(rename = "patch_is_None")]
    pub patch_is_none: bool,
    /// Whether the patch has any content.
    pub patch_exists: bool,
    /// Whether the patch applied and the tests ran.
    pub patch_successfully_applied: bool,
    /// Whether every FAIL_TO_PASS and every PASS_TO_PASS test passed.
    pub resolved: bool,
    /// Whether the log shows that the environment broke; only SWE-bench 5 has this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra_failure: Option<bool>,
    /// What seems to have broken; only in SWE-bench 5, and only when the log does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra_failure_reason: Option<InfraReason>,
    /// The tests by list; absent when nothing was graded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_status: Option<TestsStatus>,
}

/// The tests of the four official lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct TestsStatus {
    /// Tests that the fix must turn.
    pub fail_to_pass: TestGroup,
    /// Tests that must go on passing.
    pub pass_to_pass: TestGroup,
    /// Kept for the format; never filled.
    #[serde(default)]
    pub fail_to_fail: TestGroup,
    /// Kept for the format; never filled.
    #[serde(default)]
    pub pass_to_fail: TestGroup,
}

/// Test names of one list by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestGroup {
    /// Tests that passed.
    pub success: Vec<String>,
    /// Tests that did not.
    pub failure: Vec<String>,
}

/// Why an evaluation gave no ordinary verdict. Each is an outcome of the patch, not of our machinery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The patch was empty, so nothing was run.
    EmptyPatch,
    /// The patch did not apply.
    PatchNotApplied,
    /// The tests ran into the time limit.
    TestsTimedOut,
    /// The log has no sign that the tests ran.
    TestsErrored,
    /// The test command failed while the log shows no failing test, so that the log cannot be trusted.
    LogContradicted,
    /// What ran in the sandbox broke it, so that there is no log.
    SandboxDamaged,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EmptyPatch => "the patch is empty",
            Self::PatchNotApplied => "the patch did not apply",
            Self::TestsTimedOut => "the tests ran into the time limit",
            Self::TestsErrored => "the tests did not run",
            Self::LogContradicted => "the exit code contradicts the log",
            Self::SandboxDamaged => "the tests broke the sandbox",
        })
    }
}
