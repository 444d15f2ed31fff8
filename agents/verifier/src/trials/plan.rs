//! What is tried with the candidates of an instance.

use std::time::Duration;

use env_core::{Patch, Trial, TrialRun};

use super::near::Inventory;
use super::split::split;
use super::written::{Run, Written, written};
use crate::candidate::Candidates;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many test files of the repository are run: those nearest to what the candidates touch.
    pub near: usize,
    /// How many tests are taken of those that agents wrote, by file or patch.
    pub written: usize,
    /// How long one trial may take at the base commit.
    pub timeout: Duration,
}

/// What is tried with the candidates of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What each candidate changes of the program; empty where that is nothing.
    pub sources: Vec<String>,
    /// Test files of the repository, the nearest first.
    pub regression: Vec<String>,
    /// Tests that agents wrote.
    pub written: Vec<Written>,
    timeout: Duration,
}

impl Plan {
    /// Plans the trials of candidates in a repository with these files.
    pub fn new(candidates: &Candidates, inventory: &Inventory, bounds: Bounds) -> Self {
        let sources = candidates.candidates.iter().map(|candidate| split(&candidate.patch.0).source).collect();
        let regression = inventory.near(candidates, bounds.near);
        Self { sources, regression, written: written(candidates, inventory, bounds.written), timeout: bounds.timeout }
    }

    /// Returns the trial of test files of the repository with what a candidate changes; at the base commit for none. They
    /// are as the base commit has them, whatever the candidate did to them.
    pub fn regression(&self, candidate: Option<usize>, files: &[String]) -> Trial {
        let patch = Patch(self.source(candidate).to_owned());
        Trial { patch, files: [].into(), run: TrialRun::Tests(files.to_vec()), timeout: self.timeout(candidate) }
    }

    /// Returns the trial of tests that an agent wrote with what a candidate changes; at the base commit for none.
    pub fn written(&self, tests: &Written, candidate: Option<usize>) -> Trial {
        // The two change different files, so that both together are a patch as well.
        let patch = Patch(format!("{}{}", self.source(candidate), tests.patch));
        let run = match &tests.run {
            Run::Tests(paths) => TrialRun::Tests(paths.clone()),
            Run::Script(path) => TrialRun::Command(format!("PYTHONPATH=. python3 {}", tool_core::shell_quote(path))),
        };
        Trial { patch, files: tests.files.clone(), run, timeout: self.timeout(candidate) }
    }

    /// Returns how long a trial may take. With a candidate it is twice as long as at the base commit, so that a machine with
    /// more to do makes no outcome of it.
    fn timeout(&self, candidate: Option<usize>) -> Duration {
        self.timeout * if candidate.is_some() { 2 } else { 1 }
    }

    fn source(&self, candidate: Option<usize>) -> &str {
        candidate.and_then(|place| self.sources.get(place)).map_or("", String::as_str)
    }
}
