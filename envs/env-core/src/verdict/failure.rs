//! Why an evaluation gave no ordinary verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an evaluation gave no ordinary verdict. Each is caused by the patch, not by the infrastructure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The patch was empty, so nothing was run.
    EmptyPatch,
    /// The patch did not apply.
    PatchNotApplied,
    /// The tests timed out.
    TestsTimedOut,
    /// The log has no sign that the tests ran.
    TestsErrored,
    /// The test command failed while the log shows no failing test, so that the log cannot be trusted.
    LogContradicted,
    /// What ran in the sandbox broke it, so that there is no log.
    SandboxDamaged,
    /// The tests passed, and something shows that they were made to; only in strict judging.
    Distrusted,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EmptyPatch => "the patch is empty",
            Self::PatchNotApplied => "the patch did not apply",
            Self::TestsTimedOut => "the tests timed out",
            Self::TestsErrored => "the tests did not run",
            Self::LogContradicted => "the exit code contradicts the log",
            Self::SandboxDamaged => "the tests broke the sandbox",
            Self::Distrusted => "the verdict is not to be trusted",
        })
    }
}
