//! Something other than the hidden tests that is run on a patch.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Failure, Patch, StatusMap};

/// What is run on a patch beside its judging: tests that a solver could have run itself. Nothing of what the row keeps back
/// is in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The patch; an empty one leaves the base commit as it is.
    pub patch: Patch,
    /// Files that are laid over it, by path in the repository.
    pub files: BTreeMap<String, String>,
    /// What is run.
    pub run: TrialRun,
    /// How long it may take.
    pub timeout: Duration,
}

/// What a [`Trial`] runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialRun {
    /// Test files, by path in the repository, as the repository's tests are run.
    Tests(Vec<String>),
    /// A line of bash in the repository, in the environment of its tests.
    Command(String),
}

/// What came of a [`Trial`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Why there is no ordinary result, where there is none. Each is an outcome of what was run.
    pub failure: Option<Failure>,
    /// The exit code of a command; `None` of tests, and of what was ended.
    pub exit_code: Option<i32>,
    /// What the log says of each test; empty for a command.
    pub statuses: StatusMap,
    /// What was printed.
    pub output: String,
}
