//! Reads a log as one of the official harnesses would, in blocks.

mod blocks;
mod facts;
mod marks;
mod parts;

use std::io::{self, Read, Seek};

use env_core::{Dialect, Failure, Infra, StatusMap};

use self::facts::{Facts, SuiteSigns};
pub use self::marks::Marks;
use self::parts::{Part, for_each_part};
use crate::parser::Parser;
use crate::parsers::LineParser;
use crate::signs::Signs;
use crate::tally::Tally;
use crate::unread::Unread;

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
