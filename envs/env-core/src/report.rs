//! The verdict on a patch, with the official harness's field names.

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
    /// Tests that must keep passing.
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

/// How far a patch got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// Every FAIL_TO_PASS and every PASS_TO_PASS test passed.
    #[serde(rename = "RESOLVED_FULL")]
    Full,
    /// Some FAIL_TO_PASS tests and every PASS_TO_PASS test passed.
    #[serde(rename = "RESOLVED_PARTIAL")]
    Partial,
    /// Anything less.
    #[serde(rename = "RESOLVED_NO")]
    No,
}

impl TestsStatus {
    /// Returns how far the patch got; a list without any counted test stands for a list that passed.
    pub fn resolution(&self) -> Resolution {
        let (turned, kept) = (&self.fail_to_pass, &self.pass_to_pass);
        match (turned.failure.is_empty(), kept.failure.is_empty()) {
            (true, true) => Resolution::Full,
            (false, true) if !turned.success.is_empty() => Resolution::Partial,
            _ => Resolution::No,
        }
    }
}
