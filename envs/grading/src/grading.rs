//! The verdict that follows from a log.

use std::io::{self, Read, Seek};

use env_core::{Dialect, Failure, Infra, Report, Resolution, Status, StatusMap, TestGroup, TestsStatus, Tier};

use crate::grading_spec::{EvalType, GradingSpec};
use crate::tally::{Tally, is_cut};
use crate::test_log::{Reading, read};
use crate::unread::Unread;

/// The verdict on a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graded {
    /// The verdict.
    pub report: Report,
    /// Why the log does not count, when it does not.
    pub failure: Option<Failure>,
    /// Sign that the environment broke, looked for when the log does not count.
    pub infra: Option<Infra>,
    /// What could not be read.
    pub unread: Unread,
}

/// Judges the log of a patch that was not empty. Keeps in memory only the tests that the verdict needs, so that a log of
/// any size can be graded.
///
/// # Errors
/// Only when the log cannot be read; whatever is wrong with its contents is in the [`Graded`].
pub fn grade<R: Read + Seek>(log: R, spec: &GradingSpec) -> io::Result<Graded> {
    let reading = read(log, spec.parser, spec.dialect, Tally::for_verdict(spec))?;
    let report = conclude(&reading, spec);
    Ok(Graded { report, failure: reading.statuses.err(), infra: reading.infra, unread: reading.unread })
}

/// Returns the verdict that follows from a log of a patch that was not empty.
pub fn conclude(reading: &Reading, spec: &GradingSpec) -> Report {
    let mut report = Report { patch_exists: true, ..Report::default() };
    if spec.dialect == Dialect::SweBench5 {
        report.infra_failure = Some(reading.infra.is_some_and(|infra| infra.tier == Tier::Environment));
        report.infra_failure_reason = reading.infra.map(|infra| infra.reason);
    }
    if let Ok(map) = &reading.statuses {
        let tests = grade_tests(map, spec);
        report.patch_successfully_applied = true;
        report.resolved = tests.resolution() == Resolution::Full;
        report.tests_status = Some(tests);
    }
    report
}

/// Sorts the tests of both lists into passed and failed; a test may be in neither.
pub fn grade_tests(map: &StatusMap, spec: &GradingSpec) -> TestsStatus {
    TestsStatus {
        fail_to_pass: group(&spec.fail_to_pass, |test| turned(map, spec, test)),
        pass_to_pass: group(&spec.pass_to_pass, |test| kept(map, spec, test)),
        ..TestsStatus::default()
    }
}

/// Groups tests by what `passed` says of each; `None` leaves a test out.
fn group(tests: &[String], passed: impl Fn(&str) -> Option<bool>) -> TestGroup {
    let mut group = TestGroup::default();
    for test in tests {
        match passed(test) {
            Some(true) => group.success.push(test.clone()),
            Some(false) => group.failure.push(test.clone()),
            None => {}
        }
    }
    group
}

/// Returns whether a FAIL_TO_PASS test passed.
fn turned(map: &StatusMap, spec: &GradingSpec, test: &str) -> Option<bool> {
    // Before SWE-bench 5 the repository decides this, not the row, and none of those has a parser here.
    if spec.eval_type == EvalType::FailOnly && spec.dialect == Dialect::SweBench5 {
        return Some(map.get(test) != Some(&Status::Failed));
    }
    match find(map, spec.dialect, test) {
        Some(Status::Passed | Status::Xfail) => Some(true),
        None | Some(Status::Failed | Status::Error) => Some(false),
        Some(Status::Skipped) => match spec.dialect {
            Dialect::SweGym | Dialect::SweBench4 => None,
            Dialect::SweBench5 => Some(false),
        },
        Some(Status::Other(_)) => None,
    }
}

/// Returns whether a PASS_TO_PASS test passed; SWE-bench 5 lets a skipped one pass.
fn kept(map: &StatusMap, spec: &GradingSpec, test: &str) -> Option<bool> {
    let skipped = || matches!(find(map, spec.dialect, test), Some(Status::Skipped));
    match (spec.dialect, spec.eval_type) {
        (Dialect::SweBench5, EvalType::PassAndFail) if skipped() => Some(true),
        _ => turned(map, spec, test),
    }
}

/// Returns the status of a test. SWE-bench 5 also finds a test whose name in the row is cut inside its brackets, when
/// all tests that begin so have the same outcome.
fn find<'map>(map: &'map StatusMap, dialect: Dialect, test: &str) -> Option<&'map Status> {
    if let Some(status) = map.get(test) {
        return Some(status);
    }
    if dialect != Dialect::SweBench5 || !is_cut(test) {
        return None;
    }
    let passed = |status: &Status| matches!(status, Status::Passed | Status::Xfail);
    let mut alike = map.iter().filter(|(name, _)| name.starts_with(test)).map(|(_, status)| status);
    let first = alike.next()?;
    alike.all(|status| passed(status) == passed(first)).then_some(first)
}
