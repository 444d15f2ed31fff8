//! Logs of Django's test runner: unittest's lines, often torn apart by what the tests print.

use env_core::Status;
use memchr::memmem::Finder;

use crate::parsers::text::{is_space, strip, words};
use crate::tally::Tally;

/// A test whose description holds the text that its line is known by.
const VERSION_TEST: &str = "--version is equivalent to version";
/// A migration message that runs into the name of the test after it.
const RUN_IN: &str = "Applying sites.0002_alter_domain_unique...test_no_migrations";

/// Reads a Django log line by line.
#[derive(Default)]
pub(super) struct Django {
    needles: Needles,
    interrupted: Interrupted,
    /// The test that was named last, if any was.
    last_named: Option<String>,
}

/// What most lines are searched for; made once, as making a searcher costs more than searching a line.
struct Needles {
    dots: Finder<'static>,
    version_test: Finder<'static>,
    against: Finder<'static>,
}

impl Default for Needles {
    fn default() -> Self {
        Self { dots: Finder::new(" ... "), version_test: Finder::new(VERSION_TEST), against: Finder::new(AGAINST) }
    }
}

impl Django {
    /// Reads one line.
    pub(super) fn read_line(&mut self, line: &str, tally: &mut Tally<'_>) {
        self.interrupted.read(line, &self.needles, tally);
        let whole = strip(line);
        if self.needles.version_test.find(whole.as_bytes()).is_some() {
            tally.insert(VERSION_TEST, Status::Passed);
        }
        let mut line = whole;
        if let Some(dots) = self.needles.dots.find(line.as_bytes()) {
            let last_named = self.last_named.get_or_insert_default();
            last_named.clear();
            last_named.push_str(&line[..dots]);
            line = read_named(line, tally);
        }
        for (prefix, status) in [("FAIL:", Status::Failed), ("ERROR:", Status::Error)] {
            if line.starts_with(prefix) {
                match words(line).nth(1) {
                    Some(test) => tally.insert(test, status),
                    None => tally.leave_out(whole),
                }
            }
        }
        if line.starts_with("ok")
            && let Some(test) = &self.last_named
        {
            tally.insert(test, Status::Passed);
        }
    }
}

/// Reads a line such as `test_x (module.Class) ... ok` and returns it as the rules after it shall see it.
fn read_named<'log>(line: &'log str, tally: &mut Tally<'_>) -> &'log str {
    let mut line = line;
    if let Some(suffix) = [" ... ok", " ... OK", " ...  OK"].iter().find(|suffix| line.ends_with(**suffix)) {
        if line.starts_with(RUN_IN) {
            line = line.split_once("...").map_or(line, |(_, rest)| strip(rest));
        }
        tally.insert(line.strip_suffix(suffix).unwrap_or(line), Status::Passed);
    }
    if let Some((test, _)) = line.split_once(" ... skipped") {
        tally.insert(test, Status::Skipped);
    }
    for (suffix, status) in [(" ... FAIL", Status::Failed), (" ... ERROR", Status::Error)] {
        if line.ends_with(suffix)
            && let Some((test, _)) = line.split_once(suffix)
        {
            tally.insert(test, status);
        }
    }
    line
}

const AGAINST: &str = "Testing against Django installed in ";
const SERVER_ERROR: &str = "Internal Server Error: /";
const NO_ISSUES: &str = "System check identified no issues (0 silenced)";

/// Finds tests whose line was interrupted by one of three messages and ended by a line `ok`.
///
/// The official parser does so by three patterns over the whole log, after all else, in which each blank around the
/// dots may also be a line end; here the two lines before the present one are kept instead.
#[derive(Default)]
struct Interrupted {
    /// The present line and the two before it, the latest first.
    window: [String; 3],
    /// How many lines were read.
    count: usize,
    /// A test before [`AGAINST`] that waits for its end, with the line number and column after the message.
    against: Option<(String, usize, usize)>,
    /// For each message, the first line in which a match may begin: matches do not overlap.
    floors: [usize; 3],
}

impl Interrupted {
    fn read(&mut self, line: &str, needles: &Needles, tally: &mut Tally<'_>) {
        if line == "ok" {
            self.read_ok(tally);
        }
        self.count += 1;
        self.window.rotate_right(1);
        let [present, ..] = &mut self.window;
        present.clear();
        present.push_str(line);
        if self.against.is_none() && needles.against.find(line.as_bytes()).is_some() {
            self.against = line.match_indices(AGAINST).find_map(|(column, _)| {
                let test = self.test_before(column, self.floors[0])?;
                Some((test.to_owned(), self.count, column + AGAINST.len()))
            });
        }
    }

    /// Settles what a line `ok` ends; the window still shows the lines before it.
    fn read_ok(&mut self, tally: &mut Tally<'_>) {
        let line = self.window[0].as_str();
        let next = self.count + 2;
        if let Some((test, number, column)) = &self.against {
            let message = if *number == self.count { line.get(*column..).unwrap_or_default() } else { line };
            if message.ends_with(" silenced).") {
                tally.settle(test, Status::Passed);
                self.against = None;
                self.floors[0] = next;
            }
        }
        if line.ends_with('/') {
            let has_path = |column: usize| column + SERVER_ERROR.len() < line.len();
            let mut found = line.match_indices(SERVER_ERROR).filter(|(column, _)| has_path(*column));
            if let Some(test) = found.find_map(|(column, _)| self.test_before(column, self.floors[1])) {
                tally.settle(test, Status::Passed);
                self.floors[1] = next;
            }
        }
        if line.ends_with(NO_ISSUES)
            && let Some(test) = self.test_before(line.len() - NO_ISSUES.len(), self.floors[2])
        {
            tally.settle(test, Status::Passed);
            self.floors[2] = next;
        }
    }

    /// Returns what is before ` ... ` before the column of the present line, from the start of its own line on.
    fn test_before(&self, column: usize, floor: usize) -> Option<&str> {
        let message = (self.window[0].get(..column)?, 0);
        let (text, back) = self.without_blank(message)?;
        let (test, back) = self.without_blank((text.strip_suffix("...")?, back))?;
        (self.count - back >= floor).then_some(test)
    }

    /// Steps back over one blank, which may be the end of the line above.
    fn without_blank<'own>(&'own self, (text, back): (&'own str, usize)) -> Option<(&'own str, usize)> {
        match text.chars().next_back() {
            Some(last) => is_space(last).then(|| (&text[..text.len() - last.len_utf8()], back)),
            None if back + 1 < self.count => Some((self.window.get(back + 1)?, back + 1)),
            None => None,
        }
    }
}
