//! The status of each test in a test log.

use std::fmt;

use indexmap::IndexMap;

/// The outcome of one test, as the test runner's log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The test passed.
    Passed,
    /// The test failed.
    Failed,
    /// The test was not run, on purpose.
    Skipped,
    /// The test failed outside its own assertions.
    Error,
    /// The test failed and was expected to.
    Xfail,
    /// A word that only begins like a status, such as `ERROR:`. It counts as neither passed nor failed.
    Other(Box<str>),
}

impl Status {
    /// Returns the status for a word of a log.
    pub fn from_word(word: &str) -> Self {
        match word {
            "PASSED" => Self::Passed,
            "FAILED" => Self::Failed,
            "SKIPPED" => Self::Skipped,
            "ERROR" => Self::Error,
            "XFAIL" => Self::Xfail,
            other => Self::Other(other.into()),
        }
    }

    /// Returns whether the test failed or broke.
    pub fn is_failing(&self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }

    /// Returns the word for this status.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::Error => "ERROR",
            Self::Xfail => "XFAIL",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Test names with their statuses, in the order of the log; a later status of the same test replaces an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusMap(IndexMap<String, Status>);

impl StatusMap {
    /// Records the status of a test.
    pub fn insert(&mut self, test: &str, status: Status) {
        if let Some(known) = self.0.get_mut(test) {
            *known = status;
        } else {
            self.0.insert(test.to_owned(), status);
        }
    }

    /// Returns the status of a test.
    pub fn get(&self, test: &str) -> Option<&Status> {
        self.0.get(test)
    }

    /// Returns the tests and their statuses, in the order of the log.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Status)> {
        self.0.iter().map(|(test, status)| (test.as_str(), status))
    }

    /// Returns how many tests there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no test.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
