//! Which official harness a verdict has to equal.

use serde::{Deserialize, Serialize};

/// Which official harness a verdict has to equal; they differ in how a patch is applied, a log is read and a skipped
/// test is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// SWE-Gym's fork of SWE-bench 2: the whole log is read, a skipped test drops out of the count.
    #[serde(rename = "swe-gym")]
    SweGym,
    /// SWE-bench 4: only what the eval script printed between its markers is read.
    #[serde(rename = "swe-bench-4")]
    SweBench4,
    /// SWE-bench 5: as 4, and a skipped FAIL_TO_PASS test is not solved, and a log must agree with its exit code.
    #[serde(rename = "swe-bench-5")]
    SweBench5,
}
