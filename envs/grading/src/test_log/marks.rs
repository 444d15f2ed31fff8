//! Which official harness wrote a log, by the marks that each leaves.

use std::io::{self, Read, Seek};

use env_core::Dialect;
use memchr::memmem;

use super::facts::has_applied_patch;
use super::parts::{Part, for_each_part};
use crate::markers::{EXIT_CODE, MARKER, TESTS_END, TESTS_START};

/// What a log of SWE-bench 1 begins with.
const TASK_METADATA: &str = "Task Metadata:";

/// The marks in a log by which its harness is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The markers around the test output, which came with SWE-bench 3.
    start: bool,
    end: bool,
    /// The exit code of the test command after the test output, which came with SWE-bench 5.
    exit_code: bool,
    /// What the harnesses before that looked for, of which SWE-Gym's is a fork: that the patch was applied.
    applied: bool,
    /// The first words of a log of SWE-bench 1, which said in words of its own that a patch was applied.
    metadata: bool,
    begun: bool,
}

impl Marks {
    /// Reads the marks of a log, from its start.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read<R: Read + Seek>(log: &mut R) -> io::Result<Self> {
        let mut marks = Self::default();
        for_each_part(log, |part| match part {
            Part::Text(text) => marks.read_part(text),
            Part::Skipped => {}
            Part::Restart => marks = Self::default(),
        })?;
        log.rewind()?;
        Ok(marks)
    }

    fn read_part(&mut self, text: &str) {
        for at in memmem::find_iter(text.as_bytes(), MARKER.as_bytes()) {
            let mark = text.get(at..).unwrap_or_default();
            self.start |= mark.starts_with(TESTS_START);
            self.end |= self.start && mark.starts_with(TESTS_END);
            self.exit_code |= self.end && mark.starts_with(EXIT_CODE);
        }
        // Also in the marker that the prediction was applied.
        self.applied |= has_applied_patch(text);
        if !self.begun {
            self.metadata = text.lines().next().is_some_and(|line| line.contains(TASK_METADATA));
            self.begun = true;
        }
    }

    /// Returns the dialect by which the log is read: that of the row, `own`, unless the log bears the marks of another
    /// harness. That a log of SWE-Gym lacks the words on the applied patch is a verdict, no mark.
    pub fn dialect(self, own: Dialect) -> Dialect {
        match own {
            Dialect::SweGym if self.exit_code && !self.applied => Dialect::SweBench5,
            Dialect::SweGym => own,
            _ => self.written_by().filter(|by| *by != Dialect::SweBench4 || own == *by || self.end).unwrap_or(own),
        }
    }

    /// Returns the dialect of the harness whose marks the log bears, where it bears any.
    pub fn written_by(self) -> Option<Dialect> {
        match (self.start, self.applied || self.metadata) {
            // SWE-bench 5 has every script record the exit code right after the end.
            (true, _) if self.exit_code => Some(Dialect::SweBench5),
            (true, _) => Some(Dialect::SweBench4),
            (false, true) => Some(Dialect::SweGym),
            (false, false) => None,
        }
    }

    /// Returns whether a harness of this dialect could have written the log; one without any mark fits all.
    pub fn fit(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::SweGym => self.applied || self.metadata || !self.start,
            Dialect::SweBench4 => (self.start || !(self.applied || self.metadata)) && !self.exit_code,
            Dialect::SweBench5 => (self.start || !(self.applied || self.metadata)) && (self.exit_code || !self.end),
        }
    }

    /// Returns whether SWE-bench 1 wrote the log, which is none of the dialects: it is read as SWE-Gym's.
    pub fn is_swe_bench_1(self) -> bool {
        !self.start && self.metadata
    }
}
