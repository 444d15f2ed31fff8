//! A log from its start, part by part, without our own record of the applying.

use std::io::{self, Read, Seek};

use memchr::memmem;

use super::blocks::Blocks;
use crate::markers::{OWN_START, OWN_TESTS};

/// A part of a log.
pub(super) enum Part<'log> {
    /// Whole lines.
    Text(&'log str),
    /// A line of ours that the official log does not have.
    Skipped,
    /// The official log starts only here: what came before is our record of the applying.
    Restart,
}

/// Hands out a log from its start, part by part, and returns how many places were not UTF-8 and how many lines too long.
pub(super) fn for_each_part<R: Read + Seek>(log: &mut R, mut act: impl FnMut(Part<'_>)) -> io::Result<(u64, u64)> {
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
