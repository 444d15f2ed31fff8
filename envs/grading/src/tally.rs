//! Takes in what the parsers find in a log.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use env_core::{Dialect, Status, StatusMap};

use crate::grading_spec::GradingSpec;
use crate::unread::Unread;

/// What the parsers have found so far: every test, or those of one verdict only.
#[derive(Default)]
pub(crate) struct Tally<'spec> {
    statuses: StatusMap,
    wanted: Option<Wanted<'spec>>,
    any: bool,
    /// Tests besides the wanted ones that have failed, by their digests.
    failing: Digests,
    /// Tests whose status no ordinary line changes any more.
    settled: Digests,
    /// How many lines have ended.
    lines: u64,
    unread: Unread,
}

/// The tests that a verdict needs.
struct Wanted<'spec> {
    names: HashSet<&'spec str>,
    /// Names that are cut inside their brackets; each stands for all names that begin so.
    cut: Vec<&'spec str>,
}

impl Wanted<'_> {
    fn holds(&self, test: &str) -> bool {
        self.names.contains(test) || self.cut.iter().any(|cut| test.starts_with(cut))
    }
}

impl<'spec> Tally<'spec> {
    /// Returns a tally that keeps only what the verdict by `spec` needs.
    pub(crate) fn for_verdict(spec: &'spec GradingSpec) -> Self {
        let names: HashSet<&str> = spec.fail_to_pass.iter().chain(&spec.pass_to_pass).map(String::as_str).collect();
        let cut = match spec.dialect {
            Dialect::SweBench5 => names.iter().copied().filter(|name| is_cut(name)).collect(),
            Dialect::SweGym | Dialect::SweBench4 => Vec::new(),
        };
        Self { wanted: Some(Wanted { names, cut }), ..Self::default() }
    }

    /// Records the status of a test; a later one replaces it.
    pub(crate) fn insert(&mut self, test: &str, status: Status) {
        if !self.settled.holds(test) {
            self.record(test, status);
        }
    }

    /// Records the status of a test, which only another call of this replaces.
    pub(crate) fn settle(&mut self, test: &str, status: Status) {
        self.settled.add(test);
        self.record(test, status);
    }

    fn record(&mut self, test: &str, status: Status) {
        self.any = true;
        match &self.wanted {
            Some(wanted) if !wanted.holds(test) => {
                if status.is_failing() {
                    self.failing.add(test);
                } else {
                    self.failing.remove(test);
                }
            }
            _ => self.statuses.insert(test, status),
        }
    }

    /// Notes a line that looks like a result and is none; the line is the one whose end was counted last.
    pub(crate) fn leave_out(&mut self, line: &str) {
        self.unread.lines += 1;
        self.unread.first.get_or_insert_with(|| (self.lines, line.chars().take(CLIP).collect()));
    }

    /// Runs `read` on each line of a text and counts it.
    pub(crate) fn each_line<'text>(
        &mut self,
        lines: impl Iterator<Item = &'text str>,
        mut read: impl FnMut(&'text str, &mut Self),
    ) {
        for line in lines {
            self.lines += 1;
            read(line, self);
        }
    }

    /// Counts lines that were not looked at.
    pub(crate) fn skip_lines(&mut self, lines: u64) {
        self.lines += lines;
    }

    /// Counts out the last line again, which has not ended yet.
    pub(crate) fn step_back(&mut self) {
        self.lines -= 1;
    }

    /// Forgets everything but the place in the log.
    pub(crate) fn restart(&mut self) {
        let (wanted, lines) = (self.wanted.take(), self.lines);
        *self = Self { wanted, lines, ..Self::default() };
    }

    /// Forgets everything and starts at the first line again; returns what could not be read.
    pub(crate) fn rewind(&mut self) -> Unread {
        let unread = std::mem::take(&mut self.unread);
        self.restart();
        self.lines = 0;
        unread
    }

    /// Takes over what an earlier look at the log could not read, when this one could read everything.
    pub(crate) fn keep_unread(&mut self, earlier: Unread) {
        if self.unread.lines == 0 {
            self.unread = earlier;
        }
    }

    /// Returns whether any test was found, wanted or not.
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Returns whether any test is failing, wanted or not.
    pub(crate) fn any_failing(&self) -> bool {
        self.failing.any() || self.statuses.iter().any(|(_, status)| status.is_failing())
    }

    /// Returns the tests that are kept, and what could not be read.
    pub(crate) fn finish(self) -> (StatusMap, Unread) {
        (self.statuses, self.unread)
    }
}

/// Returns whether a name in a row is cut inside its brackets.
pub(crate) fn is_cut(test: &str) -> bool {
    test.matches('[').count() > test.matches(']').count()
}

/// How many characters of a line are shown.
const CLIP: usize = 200;

/// A set of names that keeps only their digests, and no more than a million of them.
#[derive(Default)]
struct Digests {
    digests: HashSet<u64>,
    /// Whether there was no room for one more.
    full: bool,
}

impl Digests {
    fn add(&mut self, name: &str) {
        if self.digests.len() < DIGESTS {
            self.digests.insert(digest(name));
        } else {
            self.full = true;
        }
    }

    fn remove(&mut self, name: &str) {
        if !self.digests.is_empty() {
            self.digests.remove(&digest(name));
        }
    }

    fn holds(&self, name: &str) -> bool {
        !self.digests.is_empty() && self.digests.contains(&digest(name))
    }

    fn any(&self) -> bool {
        self.full || !self.digests.is_empty()
    }
}

const DIGESTS: usize = 1_000_000;

fn digest(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading_spec::EvalType;
    use crate::parser::Parser;

    fn spec(dialect: Dialect) -> GradingSpec {
        GradingSpec {
            dialect,
            parser: Parser::Pytest,
            eval_type: EvalType::PassAndFail,
            fail_to_pass: vec!["f".to_owned(), "cut[a".to_owned()],
            pass_to_pass: vec!["p".to_owned()],
        }
    }

    fn kept(tally: Tally<'_>) -> Vec<String> {
        tally.finish().0.iter().map(|(test, status)| format!("{test}={status}")).collect()
    }

    #[test]
    fn a_tally_for_a_verdict_keeps_the_tests_that_it_needs_and_no_others() {
        for (dialect, expected) in [
            (Dialect::SweBench4, &["f=PASSED", "p=FAILED"][..]),
            (Dialect::SweBench5, &["f=PASSED", "cut[a-1]=PASSED", "p=FAILED"]),
        ] {
            let spec = spec(dialect);
            let mut tally = Tally::for_verdict(&spec);
            // What is forgotten is not what is wanted.
            tally.insert("p", Status::Passed);
            tally.restart();
            assert!(!tally.any());
            for (test, status) in
                [("f", Status::Passed), ("cut[a-1]", Status::Passed), ("other", Status::Passed), ("p", Status::Failed)]
            {
                tally.insert(test, status);
            }
            assert!(tally.any() && tally.any_failing());
            assert_eq!(kept(tally), expected, "{dialect}");
        }
    }

    #[test]
    fn what_is_settled_changes_only_by_what_settles_it_again() {
        let mut tally = Tally::default();
        tally.settle("a", Status::Passed);
        tally.insert("a", Status::Failed);
        tally.insert("b", Status::Failed);
        tally.insert("b", Status::Passed);
        tally.settle("b", Status::Failed);
        tally.settle("b", Status::Skipped);
        assert_eq!(kept(tally), ["a=PASSED", "b=SKIPPED"]);
    }

    #[test]
    fn the_place_in_the_log_outlives_a_restart() {
        let mut tally = Tally::default();
        tally.skip_lines(3);
        tally.restart();
        tally.leave_out("PASSED");
        assert_eq!(tally.finish().1.first, Some((3, "PASSED".to_owned())));
    }
}
