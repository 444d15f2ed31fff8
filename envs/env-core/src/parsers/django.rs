//! Logs of Django's test runner: unittest's lines, often torn apart by what the tests print.

use memchr::memmem::Finder;

use crate::parsers::text::{is_space, lines, strip, words};
use crate::{Status, StatusMap};

/// A test whose description holds the text that its line is known by.
const VERSION_TEST: &str = "--version is equivalent to version";
/// A migration message that runs into the name of the test after it.
const RUN_IN: &str = "Applying sites.0002_alter_domain_unique...test_no_migrations";

/// Reads a Django log.
pub(super) fn parse(log: &str) -> StatusMap {
    let mut map = StatusMap::default();
    let mut interrupted = Interrupted::default();
    let mut last_named: Option<&str> = None;
    let needles = Needles::default();
    for line in lines(log) {
        interrupted.read(line, &needles);
        read_line(strip(line), &needles, &mut last_named, &mut map);
    }
    for test in interrupted.passed {
        map.insert(test, Status::Passed);
    }
    map
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

/// Reads one line; `last_named` is the test that was named last.
fn read_line<'log>(line: &'log str, needles: &Needles, last_named: &mut Option<&'log str>, map: &mut StatusMap) {
    if needles.version_test.find(line.as_bytes()).is_some() {
        map.insert(VERSION_TEST, Status::Passed);
    }
    let mut line = line;
    if let Some(dots) = needles.dots.find(line.as_bytes()) {
        *last_named = line.get(..dots);
        line = read_named(line, map);
    }
    for (prefix, status) in [("FAIL:", Status::Failed), ("ERROR:", Status::Error)] {
        if line.starts_with(prefix)
            && let Some(test) = words(line).nth(1)
        {
            map.insert(test, status);
        }
    }
    if line.starts_with("ok")
        && let Some(test) = *last_named
    {
        map.insert(test, Status::Passed);
    }
}

/// Reads a line such as `test_x (module.Class) ... ok` and returns it as the rules after it shall see it.
fn read_named<'log>(line: &'log str, map: &mut StatusMap) -> &'log str {
    let mut line = line;
    if let Some(suffix) = [" ... ok", " ... OK", " ...  OK"].iter().find(|suffix| line.ends_with(**suffix)) {
        if line.starts_with(RUN_IN) {
            line = line.split_once("...").map_or(line, |(_, rest)| strip(rest));
        }
        map.insert(line.strip_suffix(suffix).unwrap_or(line), Status::Passed);
    }
    if let Some((test, _)) = line.split_once(" ... skipped") {
        map.insert(test, Status::Skipped);
    }
    for (suffix, status) in [(" ... FAIL", Status::Failed), (" ... ERROR", Status::Error)] {
        if line.ends_with(suffix)
            && let Some((test, _)) = line.split_once(suffix)
        {
            map.insert(test, status);
        }
    }
    line
}

const AGAINST: &str = "Testing against Django installed in ";
const SERVER_ERROR: &str = "Internal Server Error: /";
const NO_ISSUES: &str = "System check identified no issues (0 silenced)";

/// Finds tests whose line was interrupted by one of three messages and ended by a line `ok`.
///
/// The official parser does so by three patterns over the whole log, in which each blank around the dots may also be
/// a line end; here the two lines before the present one are kept instead.
#[derive(Default)]
struct Interrupted<'log> {
    passed: Vec<&'log str>,
    /// The present line and the two before it, the latest first.
    window: [Option<&'log str>; 3],
    /// How many lines were read.
    count: usize,
    /// A test before [`AGAINST`] that waits for its end, with the line number and column after the message.
    against: Option<(&'log str, usize, usize)>,
    /// For each message, the first line in which a match may begin: matches do not overlap.
    floors: [usize; 3],
}

impl<'log> Interrupted<'log> {
    fn read(&mut self, line: &'log str, needles: &Needles) {
        if line == "ok" {
            self.read_ok();
        }
        self.count += 1;
        self.window = [Some(line), self.window[0], self.window[1]];
        if self.against.is_none() && needles.against.find(line.as_bytes()).is_some() {
            self.against = line.match_indices(AGAINST).find_map(|(column, _)| {
                let test = self.test_before(column, self.floors[0])?;
                Some((test, self.count, column + AGAINST.len()))
            });
        }
    }

    /// Settles what a line `ok` ends; the window still shows the lines before it.
    fn read_ok(&mut self) {
        let Some(line) = self.window[0] else { return };
        if let Some((test, number, column)) = self.against {
            let message = if number == self.count { line.get(column..).unwrap_or_default() } else { line };
            if message.ends_with(" silenced).") {
                self.passed.push(test);
                self.against = None;
                self.floors[0] = self.count + 2;
            }
        }
        if line.ends_with('/') {
            let has_path = |column: usize| column + SERVER_ERROR.len() < line.len();
            let mut found = line.match_indices(SERVER_ERROR).filter(|(column, _)| has_path(*column));
            self.settle(1, found.find_map(|(column, _)| self.test_before(column, self.floors[1])));
        }
        if line.ends_with(NO_ISSUES) {
            self.settle(2, self.test_before(line.len() - NO_ISSUES.len(), self.floors[2]));
        }
    }

    fn settle(&mut self, message: usize, test: Option<&'log str>) {
        if let Some(test) = test {
            self.passed.push(test);
            self.floors[message] = self.count + 2;
        }
    }

    /// Returns what stands before ` ... ` before the column of the present line, from the start of its own line on.
    fn test_before(&self, column: usize, floor: usize) -> Option<&'log str> {
        let message = (self.window[0]?.get(..column)?, 0);
        let (text, back) = self.without_blank(message)?;
        let (test, back) = self.without_blank((text.strip_suffix("...")?, back))?;
        (self.count - back >= floor).then_some(test)
    }

    /// Steps back over one blank, which may be the end of the line above.
    fn without_blank(&self, (text, back): (&'log str, usize)) -> Option<(&'log str, usize)> {
        match text.chars().next_back() {
            Some(last) => is_space(last).then(|| (&text[..text.len() - last.len_utf8()], back)),
            None => Some(((*self.window.get(back + 1)?)?, back + 1)),
        }
    }
}
