//! Verdicts as a run stores and shows them.

use agent_core::Outcome;
use env_core::{Failure, Report, TestGroup, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::journal::Judged;
use crate::subject::Subject;
use crate::tally::Ending;

impl Judged {
    /// Returns a verdict with what it is on, as a journal keeps it.
    pub fn new(verdict: &Verdict, subject: Subject) -> Self {
        let status = verdict.report.tests_status.as_ref();
        Self {
            subject,
            failure: verdict.failure,
            infra: verdict.infra,
            broken: verdict.broken.clone(),
            trust: verdict.trust.clone(),
            report: None,
            resolved: Some(verdict.report.resolved),
            fail_to_pass: status.map(|status| counts(&status.fail_to_pass)),
            pass_to_pass: status.map(|status| counts(&status.pass_to_pass)),
        }
    }
}

impl Ending {
    /// Returns which of the ways to end a verdict is.
    pub fn of(verdict: &Verdict) -> Self {
        ending(verdict.failure, verdict.broken.is_some(), verdict.report.resolved)
    }
}

/// Returns a verdict in a few words.
pub fn verdict_line(verdict: &Verdict) -> String {
    let why = match verdict.failure {
        None => passed(&verdict.report),
        Some(failure @ (Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged)) => {
            format!(" ({failure}; see {TEST_OUTPUT})")
        }
        Some(failure) => format!(" ({failure})"),
    };
    let broken = match &verdict.broken {
        Some(sign) => format!(", infrastructure: the tests do not run without the patch either, {sign}"),
        None => String::new(),
    };
    let distrust = match verdict.trust.distrust.as_slice() {
        [] => String::new(),
        [first] => format!(", not to be trusted: {first}"),
        [first, rest @ ..] => format!(", not to be trusted: {first}, and {} more signs", rest.len()),
    };
    format!("resolved: {}{why}{broken}{distrust}", verdict.report.resolved)
}

/// Returns the counts of passed tests, as in ` (FAIL_TO_PASS 1/1, PASS_TO_PASS 12/12)`.
fn passed(report: &Report) -> String {
    let Some(status) = &report.tests_status else { return String::new() };
    let count = |group: &TestGroup| {
        let [passed, all] = counts(group);
        format!("{passed}/{all}")
    };
    format!(" (FAIL_TO_PASS {}, PASS_TO_PASS {})", count(&status.fail_to_pass), count(&status.pass_to_pass))
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
        Some(Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged | Failure::Distrusted) => {
            Ending::Errored
        }
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
