//! The verdict on a patch.

use agent_core::Outcome;
use env_core::{Failure, Infra, Report, TestGroup};
use serde::Serialize;
use serde_json::Value;

use crate::journal::Judged;
use crate::subject::Subject;
use crate::tally::Ending;

/// The verdict on a patch.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The official part.
    pub report: Report,
    /// Why it is not an ordinary one, when it is not.
    pub failure: Option<Failure>,
    /// A sign in the log that the environment broke. It explains; it decides nothing.
    pub infra: Option<Infra>,
    /// What shows that the environment is broken, when the tests do not run without the patch either.
    pub broken: Option<String>,
}

impl Verdict {
    /// Returns the verdict with what it is on, as a journal keeps it.
    pub fn judged(&self, subject: Subject) -> Judged {
        let status = self.report.tests_status.as_ref();
        Judged {
            subject,
            failure: self.failure,
            infra: self.infra,
            broken: self.broken.clone(),
            report: None,
            resolved: Some(self.report.resolved),
            fail_to_pass: status.map(|status| counts(&status.fail_to_pass)),
            pass_to_pass: status.map(|status| counts(&status.pass_to_pass)),
        }
    }

    /// Returns which of the ways to end this is.
    pub fn ending(&self) -> Ending {
        ending(self.failure, self.broken.is_some(), self.report.resolved)
    }

    /// Returns the verdict in a few words.
    pub fn line(&self) -> String {
        let why = match self.failure {
            None => self.counts(),
            Some(failure @ (Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged)) => {
                format!(" ({failure}; see {TEST_OUTPUT})")
            }
            Some(failure) => format!(" ({failure})"),
        };
        let broken = match &self.broken {
            Some(sign) => format!(", infrastructure: the tests do not run without the patch either, {sign}"),
            None => String::new(),
        };
        format!("resolved: {}{why}{broken}", self.report.resolved)
    }

    /// Returns the counts of passed tests, as in ` (FAIL_TO_PASS 1/1, PASS_TO_PASS 12/12)`.
    fn counts(&self) -> String {
        let Some(status) = &self.report.tests_status else { return String::new() };
        let count = |group: &TestGroup| {
            let [passed, all] = counts(group);
            format!("{passed}/{all}")
        };
        format!(" (FAIL_TO_PASS {}, PASS_TO_PASS {})", count(&status.fail_to_pass), count(&status.pass_to_pass))
    }
}

/// Returns which of the ways to end a verdict is.
pub(crate) fn ending(failure: Option<Failure>, is_broken: bool, resolved: bool) -> Ending {
    if is_broken {
        return Ending::Infrastructure;
    }
    match failure {
        None if resolved => Ending::Solved,
        None => Ending::Unsolved,
        Some(Failure::EmptyPatch) => Ending::Empty,
        Some(Failure::PatchNotApplied) => Ending::NotApplied,
        Some(Failure::TestsTimedOut) => Ending::TimedOut,
        Some(Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged) => Ending::Errored,
    }
}

/// Name of the file of a test run's log in an episode's folder.
pub const TEST_OUTPUT: &str = "test_output.txt";

/// Returns how many tests of a group passed, and how many there are.
pub fn counts(group: &TestGroup) -> [usize; 2] {
    [group.success.len(), group.success.len() + group.failure.len()]
}

/// Returns the word by which files name a value.
pub fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Returns how an episode ended in one word.
pub fn exit_status(outcome: &Outcome) -> String {
    match serde_json::to_value(&outcome.exit_status) {
        Ok(Value::String(word)) => word,
        Ok(Value::Object(map)) => match map.into_iter().next() {
            Some((kind, Value::String(what))) if kind == "limit" => format!("{kind}_{what}"),
            Some((kind, _)) => kind,
            None => String::new(),
        },
        _ => String::new(),
    }
}
