//! The two ways to change a text.

use std::borrow::Cow;
use std::ops::Range;

use crate::EditError;
use crate::edits::view::lines;

/// A changed text, and where in it the change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The whole text after the change.
    pub body: String,
    /// The changed lines in it, counted from 0; empty where text only went away.
    pub lines: Range<usize>,
    /// Bytes at the beginning that are not part of the change.
    pub head: usize,
    /// Bytes at the end that are not part of the change.
    pub tail: usize,
}

/// Replaces the only place where `old` is in `body`. Line ends are `\n`; `\r\n` in `old` and `new` is read as such.
///
/// # Errors
/// When `old` is empty, equal to `new`, or not there exactly once.
pub fn str_replace(body: &str, old: &str, new: &str) -> Result<Change, EditError> {
    let (old, new) = (unix(old), unix(new));
    if old.is_empty() {
        return Err(EditError::EmptyOld);
    }
    if old == new {
        return Err(EditError::Same);
    }
    let places = places(body, &old);
    let at = match places.as_slice() {
        [] => return Err(EditError::NotFound),
        [at] => *at,
        _ => return Err(EditError::Ambiguous(places.iter().map(|at| line_of(body, *at) + 1).collect())),
    };
    let (before, rest) = body.split_at(at);
    let after = rest.strip_prefix(old.as_ref()).unwrap_or(rest);
    let first = line_of(before, before.len());
    let ends_in_line = !(new.is_empty() || new.ends_with('\n'));
    let lines = first..first + new.matches('\n').count() + usize::from(ends_in_line);
    Ok(Change { body: [before, &new, after].concat(), lines, head: before.len(), tail: after.len() })
}

/// Puts `text` in as lines of its own after line `line`, 0 being before the first. An empty text is an empty line.
///
/// # Errors
/// When there is no such line.
pub fn insert(body: &str, line: i64, text: &str) -> Result<Change, EditError> {
    let text = unix(text);
    let last = body.split_terminator('\n').count();
    let Some(after) = usize::try_from(line).ok().filter(|line| *line <= last) else {
        return Err(EditError::InsertLine { line, last });
    };
    let at: usize = body.split_inclusive('\n').take(after).map(str::len).sum();
    let (before, rest) = body.split_at(at);
    let lines = after..after + text.matches('\n').count() + usize::from(!text.ends_with('\n'));
    let no_final_newline = !before.is_empty() && !before.ends_with('\n');
    let body = match (no_final_newline, text.ends_with('\n')) {
        (true, _) => [before, "\n", &text].concat(),
        (false, true) => [before, &text, rest].concat(),
        (false, false) => [before, &text, "\n", rest].concat(),
    };
    Ok(Change { body, lines, head: before.len(), tail: rest.len() })
}

/// Returns `text` with `\n` line ends.
pub(crate) fn unix(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// Returns where `needle` begins in `body`, overlapping places too.
fn places(body: &str, needle: &str) -> Vec<usize> {
    let step = needle.chars().next().map_or(1, char::len_utf8);
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = body.get(from..).and_then(|rest| rest.find(needle)) {
        places.push(from + at);
        from += at + step;
    }
    places
}

/// Returns the lines of `new` that are not at the beginning or end of `old`.
pub(crate) fn changed_lines(old: &str, new: &str) -> Range<usize> {
    let (old, new) = (lines(old), lines(new));
    let shorter = old.len().min(new.len());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    same..new.len() - tail.min(shorter - same)
}

/// Returns the line of a byte offset, counted from 0.
pub(crate) fn line_of(body: &str, offset: usize) -> usize {
    body.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
