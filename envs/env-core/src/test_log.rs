//! Reads a log as one of the official harnesses would, in blocks.

mod blocks;
mod facts;
mod marks;

use std::io::{self, Read, Seek};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use self::blocks::Blocks;
use self::facts::{Facts, SuiteSigns};
pub use self::marks::Marks;
use crate::infra::Signs;
use crate::markers::{OWN_START, OWN_TESTS};
use crate::parsers::LineParser;
use crate::tally::Tally;
use crate::{Dialect, Failure, Infra, Parser, StatusMap};

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
    /// Lines of more than 1 MiB that were read without their middle.
    pub long_lines: u64,
}

/// Returns what a log says of each test, as the official harness of that dialect reads it.
///
/// # Errors
/// Only when the log cannot be read; whatever is wrong with its contents is in the [`Reading`].
pub fn read_log<R: Read + Seek>(log: R, parser: Parser, dialect: Dialect) -> io::Result<Reading> {
    read(log, parser, dialect, Tally::default())
}

/// Reads a log into `tally`, which may keep only some of the tests.
pub(crate) fn read<R: Read + Seek>(
    mut log: R,
    parser: Parser,
    dialect: Dialect,
    mut tally: Tally<'_>,
) -> io::Result<Reading> {
    let mut facts = Facts::new(parser, dialect);
    let (invalid_bytes, long_lines) = for_each_part(&mut log, |part| match part {
        Part::Text(text) => facts.read(text, &mut tally),
        Part::Skipped => tally.skip_lines(1),
        Part::Restart => facts.restart(&mut tally),
    })?;
    let failure = match facts.failure() {
        None if dialect == Dialect::SweGym => None,
        None => marked_failure(&mut log, &facts, parser, dialect, &mut tally)?,
        failure => failure,
    };
    let infra = if failure.is_some() { infra(&mut log)? } else { None };
    let (map, unread) = tally.finish();
    let unread = Unread { invalid_bytes, long_lines, ..unread };
    Ok(Reading { statuses: failure.map_or(Ok(map), Err), infra, unread })
}

/// Returns why a log does not count whose markers are in order. Reads it as a whole when nothing was found between them.
fn marked_failure<R: Read + Seek>(
    log: &mut R,
    facts: &Facts,
    parser: Parser,
    dialect: Dialect,
    tally: &mut Tally<'_>,
) -> io::Result<Option<Failure>> {
    if !tally.any() {
        let mut whole = LineParser::new(parser, dialect);
        let unread = tally.rewind();
        for_each_part(log, |part| match part {
            Part::Text(text) => whole.read(text, tally),
            Part::Skipped => tally.skip_lines(1),
            Part::Restart => {
                whole = LineParser::new(parser, dialect);
                tally.restart();
            }
        })?;
        tally.keep_unread(unread);
    }
    if dialect != Dialect::SweBench5 {
        return Ok(None);
    }
    if !tally.any() {
        return Ok((!suite_ran(log)?).then_some(Failure::TestsErrored));
    }
    Ok((facts.exit_code_failed() && !tally.any_failing()).then_some(Failure::LogContradicted))
}

/// Returns whether a log without a single known test shows that a test runner ran at least one.
fn suite_ran<R: Read + Seek>(log: &mut R) -> io::Result<bool> {
    let mut signs = SuiteSigns::default();
    for_each_part(log, |part| match part {
        Part::Text(text) => signs.read(text),
        Part::Skipped => {}
        Part::Restart => signs = SuiteSigns::default(),
    })?;
    Ok(signs.found())
}

/// Returns the sign in a log that the environment broke.
fn infra<R: Read + Seek>(log: &mut R) -> io::Result<Option<Infra>> {
    let mut signs = Signs::default();
    for_each_part(log, |part| match part {
        Part::Text(text) => signs.read(text),
        Part::Skipped => {}
        Part::Restart => signs.restart(),
    })?;
    Ok(signs.infra())
}

/// A part of a log.
enum Part<'log> {
    /// Whole lines.
    Text(&'log str),
    /// A line of ours that the official log does not have.
    Skipped,
    /// The official log starts only here: what came before is our record of the applying.
    Restart,
}

/// Hands out a log from its start, part by part, and returns how many places were not UTF-8 and how many lines too long.
fn for_each_part<R: Read + Seek>(log: &mut R, mut act: impl FnMut(Part<'_>)) -> io::Result<(u64, u64)> {
    log.rewind()?;
    let mut blocks = Blocks::new(log);
    let mut in_own_part = None;
    while let Some(block) = blocks.next()? {
        let mut text = block.as_ref();
        if *in_own_part.get_or_insert_with(|| text.starts_with(OWN_START)) {
            if let Some(after) = text.strip_prefix(OWN_START) {
                act(Part::Skipped);
                text = after;
            }
            if let Some(at) = find_line(text, OWN_TESTS) {
                act(Part::Text(&text[..at]));
                act(Part::Skipped);
                act(Part::Restart);
                in_own_part = Some(false);
                text = &text[at + OWN_TESTS.len()..];
            }
        }
        act(Part::Text(text));
    }
    Ok((blocks.invalid_bytes, blocks.long_lines))
}

/// Returns where a line stands in whole lines; `line` holds its end.
fn find_line(text: &str, line: &str) -> Option<usize> {
    let mut found = memmem::find_iter(text.as_bytes(), line.as_bytes());
    found.find(|at| *at == 0 || text.as_bytes()[..*at].ends_with(b"\n"))
}
