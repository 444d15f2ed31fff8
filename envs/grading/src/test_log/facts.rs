//! What a log says besides the statuses of tests: whether it counts, and which part of it.

use std::sync::LazyLock;

use env_core::{Dialect, Failure};
use memchr::memmem::{self, Finder};
use regex::Regex;

use crate::markers::{
    APPLIED_PREDICTION, APPLY_FAILED, EXIT_CODE, MARKER, RESET_FAILED, RESET_FAILED_WORDS, TESTS_END, TESTS_ERRORED,
    TESTS_START, TESTS_TIMED_OUT,
};
use crate::parser::Parser;
use crate::parsers::LineParser;
use crate::parsers::text::{is_space, lines};
use crate::tally::Tally;

/// Which part of a log is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    /// Here the parser reads.
    Tests,
    After,
}

/// Collects what a log says, and lets the parser read the part that counts.
pub(super) struct Facts {
    parser: Parser,
    dialect: Dialect,
    marker: Finder<'static>,
    lines: LineParser,
    place: Place,
    /// The failure that comes first in [`FAILURES`], by its place there.
    failure: Option<usize>,
    reset_failed: bool,
    applied_patch: bool,
    ended: bool,
    exit_code: ExitCode,
}

/// The markers that tell of a failure, the weightiest first.
const FAILURES: [(&str, Failure); 4] = [
    (APPLY_FAILED, Failure::PatchNotApplied),
    (TESTS_TIMED_OUT, Failure::TestsTimedOut),
    (RESET_FAILED, Failure::TestsErrored),
    (TESTS_ERRORED, Failure::TestsErrored),
];

impl Facts {
    pub(super) fn new(parser: Parser, dialect: Dialect) -> Self {
        Self {
            parser,
            dialect,
            marker: Finder::new(MARKER),
            lines: LineParser::new(parser, dialect),
            place: if dialect == Dialect::SweGym { Place::Tests } else { Place::Before },
            failure: None,
            reset_failed: false,
            applied_patch: false,
            ended: false,
            exit_code: ExitCode::Unknown,
        }
    }

    /// Forgets everything: the official log starts only now.
    pub(super) fn restart(&mut self, tally: &mut Tally<'_>) {
        *self = Self::new(self.parser, self.dialect);
        tally.restart();
    }

    /// Reads the next whole lines of the log.
    pub(super) fn read(&mut self, text: &str, tally: &mut Tally<'_>) {
        self.read_words(text);
        if matches!(self.exit_code, ExitCode::Awaited) {
            self.exit_code = ExitCode::read(text);
        }
        let mut from = 0;
        let marker = self.marker.clone();
        for at in marker.find_iter(text.as_bytes()) {
            if let Some(end) = self.read_marker(text, from, at, tally) {
                from = end;
            }
        }
        self.read_part(&text[from..], tally);
    }

    /// Reads what has no marker, and only the fork looks for.
    fn read_words(&mut self, text: &str) {
        if self.dialect == Dialect::SweGym {
            self.applied_patch = self.applied_patch || has_applied_patch(text);
            self.reset_failed =
                self.reset_failed || memmem::find(text.as_bytes(), RESET_FAILED_WORDS.as_bytes()).is_some();
        }
    }

    /// Reads the marker that may stand at `at`; when it ends the part that starts at `from`, reads that part and returns
    /// where the next one starts.
    fn read_marker(&mut self, text: &str, from: usize, at: usize, tally: &mut Tally<'_>) -> Option<usize> {
        let rest = &text[at..];
        let is_fork = self.dialect == Dialect::SweGym;
        if let Some(found) = FAILURES.iter().position(|(marker, _)| rest.starts_with(marker)) {
            self.failure = self.failure.into_iter().chain([found]).min();
        } else if let Some(after) = rest.strip_prefix(EXIT_CODE) {
            if let (ExitCode::Unknown, Some(code)) = (self.exit_code, after.strip_prefix(':')) {
                self.exit_code = ExitCode::read(code);
            }
        } else if is_fork && rest.starts_with(APPLIED_PREDICTION) {
            self.read_part(&text[from..at], tally);
            self.lines = LineParser::new(self.parser, self.dialect);
            tally.restart();
            return Some(at + APPLIED_PREDICTION.len());
        } else if !is_fork && rest.starts_with(TESTS_START) {
            self.read_part(&text[from..at], tally);
            self.place = if self.place == Place::Before { Place::Tests } else { Place::After };
            return Some(at + TESTS_START.len());
        } else if !is_fork && rest.starts_with(TESTS_END) {
            self.read_part(&text[from..at], tally);
            self.ended = true;
            if self.place == Place::Tests {
                self.place = Place::After;
            }
            return Some(at + TESTS_END.len());
        }
        None
    }

    /// Lets the parser read lines that count; the last may be cut short by a marker.
    fn read_part(&mut self, text: &str, tally: &mut Tally<'_>) {
        match self.place {
            Place::Tests => self.lines.read(text, tally),
            Place::Before | Place::After => tally.skip_lines(lines(text).count() as u64),
        }
        if !text.is_empty() && !text.ends_with(['\n', '\r']) {
            tally.step_back();
        }
    }

    /// Returns why the log does not count, as far as markers and words tell.
    pub(super) fn failure(&self) -> Option<Failure> {
        if let Some((_, failure)) = self.failure.and_then(|found| FAILURES.get(found)) {
            return Some(*failure);
        }
        let counts = match self.dialect {
            Dialect::SweGym => self.applied_patch && !self.reset_failed,
            Dialect::SweBench4 | Dialect::SweBench5 => self.place != Place::Before && self.ended,
        };
        (!counts).then_some(Failure::TestsErrored)
    }

    /// Returns whether the log records an exit code of the test command other than 0.
    pub(super) fn exit_code_failed(&self) -> bool {
        matches!(self.exit_code, ExitCode::Known { failed: true })
    }
}

/// Returns whether `applied patch` occurs in any case: `git apply -v` says so of each file of the test patch.
pub(super) fn has_applied_patch(text: &str) -> bool {
    const WORDS: &[u8] = b"applied patch";
    let bytes = text.as_bytes();
    memmem::find(bytes, b"Applied patch").is_some()
        || memchr::memchr2_iter(b'a', b'A', bytes)
            .any(|at| bytes.get(at..at + WORDS.len()).is_some_and(|words| words.eq_ignore_ascii_case(WORDS)))
}

/// The exit code of the test command.
#[derive(Debug, Clone, Copy)]
enum ExitCode {
    Unknown,
    /// Only blanks have followed its marker so far.
    Awaited,
    Known {
        failed: bool,
    },
}

impl ExitCode {
    /// Reads what follows the marker.
    fn read(text: &str) -> Self {
        let code = text.trim_start_matches(is_space);
        if code.is_empty() {
            return Self::Awaited;
        }
        let digits = code.strip_prefix('-').unwrap_or(code);
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let failed = digits.bytes().take(length).any(|digit| digit != b'0');
        if length > 0 { Self::Known { failed } } else { Self::Unknown }
    }
}

/// Collects the signs that a test runner ran at least one test.
#[derive(Default)]
pub(super) struct SuiteSigns {
    found: bool,
    /// The words at the end of the text so far that need a number after them.
    open: &'static str,
}

/// The signs; made once, because that takes longer than most logs do. Python's blanks, of which these four are none of
/// Rust's, may stand before a number.
static SUITE_SIGNS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const SIGNS: &str = concat!(
        r"(?mR)Executed [1-9]\d* of \d+|TOTAL: [1-9]\d* (?:SUCCESS|FAILED)|[1-9]\d* passing",
        r"|Tests:[\s\x1c-\x1f]+[1-9]\d*|Test Suites:[\s\x1c-\x1f]+(?:\d+ \w+, )*[1-9]\d* total",
        r"|^# tests [1-9]\d*|[1-9]\d* specs?, \d+ failures?|': ok$",
    );
    Regex::new(SIGNS).ok()
});

impl SuiteSigns {
    /// Looks through the next whole lines of the log.
    pub(super) fn read(&mut self, text: &str) {
        let Some(pattern) = SUITE_SIGNS.as_ref().filter(|_| !self.found) else { return };
        let joined = if self.open.is_empty() { text } else { &format!("{}\n{text}", self.open) };
        self.found = pattern.is_match(joined);
        let end = joined.trim_end_matches(is_space);
        self.open = ["Tests:", "Test Suites:"].into_iter().find(|words| end.ends_with(words)).unwrap_or_default();
    }

    /// Returns whether there was one.
    pub(super) fn found(&self) -> bool {
        self.found
    }
}
