//! Reads a log as one of the official harnesses would.

use std::io::{self, Read, Seek};

use memchr::memmem;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::infra::Signs;

use crate::markers::{
    APPLIED_PREDICTION, APPLY_FAILED, EXIT_CODE, OWN_START, OWN_TESTS, RESET_FAILED, RESET_FAILED_WORDS, TESTS_END,
    TESTS_ERRORED, TESTS_START, TESTS_TIMED_OUT,
};
use crate::{Dialect, Failure, Infra, Parser, Status, StatusMap};

/// What a log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The status of each test, or why the log does not count.
    pub statuses: Result<StatusMap, Failure>,
    /// Sign that the environment broke, looked for when the log does not count.
    pub infra: Option<Infra>,
    /// What could not be read.
    pub unread: Unread,
}

/// What of a log could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Lines that look like a test's result and are none.
    pub lines: u64,
    /// Number and text of the first of them; a long text is clipped.
    pub first: Option<(u64, String)>,
    /// Places that are not UTF-8; each was read as U+FFFD.
    pub invalid_bytes: u64,
    /// Lines too long to be held; each was read without its middle.
    pub long_lines: u64,
}

/// Returns what a log says of each test, as the official harness of that dialect reads it.
///
/// # Errors
/// Only when the log cannot be read; whatever is wrong with its contents is in the [`Reading`].
pub fn read_log<R: Read + Seek>(mut log: R, parser: Parser, dialect: Dialect) -> io::Result<Reading> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let log = official_part(&text);
    let statuses = statuses(log, parser, dialect);
    let mut signs = Signs::default();
    if statuses.is_err() {
        signs.read(log);
    }
    Ok(Reading { statuses, infra: signs.infra(), unread: Unread::default() })
}

fn statuses(log: &str, parser: Parser, dialect: Dialect) -> Result<StatusMap, Failure> {
    if let Some(failure) = failure_in(log, dialect) {
        return Err(failure);
    }
    match dialect {
        Dialect::SweGym => {
            if !has_applied_patch(log) {
                return Err(Failure::TestsErrored);
            }
            let tests = log.rsplit(APPLIED_PREDICTION).next().unwrap_or(log);
            Ok(parser.parse(tests, dialect))
        }
        Dialect::SweBench4 => read_marked(log, parser, dialect),
        Dialect::SweBench5 => {
            let map = read_marked(log, parser, dialect)?;
            if map.is_empty() && !suite_ran(log) {
                return Err(Failure::TestsErrored);
            }
            if contradicts_exit_code(log, &map) {
                return Err(Failure::LogContradicted);
            }
            Ok(map)
        }
    }
}

/// Returns the part of a log that the official harness has in its `test_output.txt`: ours hold the applying before it.
fn official_part(log: &str) -> &str {
    let Some(own) = log.strip_prefix(OWN_START) else { return log };
    own.split_once(OWN_TESTS).map_or(own, |(_, tests)| tests)
}

/// Returns the failure that a marker in the log tells of.
fn failure_in(log: &str, dialect: Dialect) -> Option<Failure> {
    let markers = [
        (APPLY_FAILED, Failure::PatchNotApplied),
        (TESTS_TIMED_OUT, Failure::TestsTimedOut),
        (RESET_FAILED, Failure::TestsErrored),
        (TESTS_ERRORED, Failure::TestsErrored),
    ];
    let found = markers.iter().find(|(marker, _)| memmem::find(log.as_bytes(), marker.as_bytes()).is_some());
    if let Some((_, failure)) = found {
        return Some(*failure);
    }
    (dialect == Dialect::SweGym && log.contains(RESET_FAILED_WORDS)).then_some(Failure::TestsErrored)
}

/// Returns whether `applied patch` occurs in any case: `git apply -v` says so of each file of the test patch.
fn has_applied_patch(log: &str) -> bool {
    const WORDS: &[u8] = b"applied patch";
    let bytes = log.as_bytes();
    memmem::find(bytes, b"Applied patch").is_some()
        || bytes.windows(WORDS.len()).any(|window| window.eq_ignore_ascii_case(WORDS))
}

/// Reads what stands between the markers of the test command, or the whole log when that holds no test.
fn read_marked(log: &str, parser: Parser, dialect: Dialect) -> Result<StatusMap, Failure> {
    if memmem::find(log.as_bytes(), TESTS_END.as_bytes()).is_none() {
        return Err(Failure::TestsErrored);
    }
    let tests = log.split(TESTS_START).nth(1).ok_or(Failure::TestsErrored)?;
    let tests = tests.split(TESTS_END).next().unwrap_or(tests);
    let map = parser.parse(tests, dialect);
    Ok(if map.is_empty() { parser.parse(log, dialect) } else { map })
}

/// Returns whether a log without a single known test shows that a test runner ran at least one.
fn suite_ran(log: &str) -> bool {
    const SIGNS: &str = concat!(
        r"(?m)Executed [1-9]\d* of \d+|TOTAL: [1-9]\d* (?:SUCCESS|FAILED)|[1-9]\d* passing|Tests:\s+[1-9]\d*",
        r"|Test Suites:\s+(?:\d+ \w+, )*[1-9]\d* total|^# tests [1-9]\d*|[1-9]\d* specs?, \d+ failures?|': ok$",
    );
    Regex::new(SIGNS).is_ok_and(|signs| signs.is_match(log))
}

/// Returns whether the test command failed although the log shows no failing test: the log is then not of that run.
fn contradicts_exit_code(log: &str, map: &StatusMap) -> bool {
    let failing = |status: &Status| matches!(status, Status::Failed | Status::Error);
    exit_code_failed(log) && !map.is_empty() && !map.iter().any(|(_, status)| failing(status))
}

/// Returns whether the log records an exit code of the test command other than 0.
fn exit_code_failed(log: &str) -> bool {
    for (index, _) in log.match_indices(EXIT_CODE) {
        let Some(rest) = log[index + EXIT_CODE.len()..].strip_prefix(':') else { continue };
        let code = rest.trim_start();
        let digits = code.strip_prefix('-').unwrap_or(code);
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        if length > 0 {
            return digits.bytes().take(length).any(|digit| digit != b'0');
        }
    }
    false
}
