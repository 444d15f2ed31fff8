//! What came of one trial, as it is kept.

use std::collections::BTreeSet;

use env_core::{Failure, Status, Tried};
use serde::{Deserialize, Serialize};

/// What came of running some tests on some patch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Tests that passed.
    pub passed: BTreeSet<String>,
    /// Tests that ran and did not.
    pub failed: BTreeSet<String>,
    /// Why there is no ordinary result, where there is none: an outcome of the patch or of the tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Outcome {
    /// Returns what came of a trial. `script` names the one test that a script is.
    pub fn of(tried: &Tried, script: Option<&str>) -> Self {
        let mut outcome = Self { failure: tried.failure, ..Self::default() };
        for (test, status) in tried.statuses.iter() {
            match status {
                Status::Passed | Status::Xfail => outcome.passed.insert(test.to_owned()),
                Status::Failed | Status::Error => outcome.failed.insert(test.to_owned()),
                Status::Skipped | Status::Other(_) => false,
            };
        }
        if let Some(script) = script {
            let tests = if tried.exit_code == Some(0) { &mut outcome.passed } else { &mut outcome.failed };
            tests.insert(script.to_owned());
        }
        outcome
    }
}
