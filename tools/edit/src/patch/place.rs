//! Finds the place of a hunk in a text.

use std::ops::Range;

use serde_json::json;
use tool_core::Texts;

use crate::error::at_lines;
use crate::patch::file_patch::{Hunk, HunkLine, Sign};

/// Where a hunk fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The lines of the text that it replaces, counted from 0.
    pub(crate) lines: Range<usize>,
    /// The part of the hunk that answers to them; the rest is context left out of account.
    pub(crate) part: Range<usize>,
    /// How many lines of context were left out at each end at most.
    pub(crate) fuzz: usize,
    /// How many lines further down than stated it is.
    pub(crate) offset: isize,
}

/// Finds the only place in `text` for `hunk`, away from the lines already `taken`. `shift` is how much further down
/// than stated the hunk before it was.
///
/// # Errors
/// Says why there is none.
pub(crate) fn place(
    text: &[&str],
    hunk: &Hunk,
    taken: &[Range<usize>],
    shift: isize,
    fuzz: usize,
    texts: &dyn Texts,
) -> Result<Place, String> {
    // A hunk without lines before the change counts from the line above it.
    let start = hunk.stated.map(|(start, count)| if count == 0 { start } else { start.saturating_sub(1) });
    if hunk.old_lines().next().is_none() {
        let counted = hunk.stated.is_some_and(|(_, count)| count == 0);
        return match start.filter(|start| counted && *start <= text.len()).or(text.is_empty().then_some(0)) {
            Some(start) => Ok(Place { lines: start..start, part: 0..hunk.lines.len(), fuzz: 0, offset: 0 }),
            None => Err(texts.plain("patch/no_old_lines")),
        };
    }
    // Where the hunk before it went in tells more than the header, which may count from either text.
    let expected: Vec<usize> =
        start.iter().flat_map(|start| [start.checked_add_signed(shift), Some(*start)]).flatten().collect();
    let mut place = search(text, hunk, taken, &expected, fuzz, texts)?;
    let stated = start.map_or(place.lines.start, |start| start + place.part.start);
    place.offset = place.lines.start as isize - stated as isize;
    Ok(place)
}

fn search(
    text: &[&str],
    hunk: &Hunk,
    taken: &[Range<usize>],
    expected: &[usize],
    fuzz: usize,
    texts: &dyn Texts,
) -> Result<Place, String> {
    for fuzz in 0..=fuzz {
        let Some(part) = trimmed(hunk, fuzz) else { break };
        let lines = hunk.lines.get(part.clone()).unwrap_or_default().iter();
        let wanted: Vec<&str> = lines.filter(|line| line.sign != Sign::Added).map(HunkLine::plain).collect();
        let mut expected = expected.iter().map(|expected| expected + part.start);
        let at_end = part.end == hunk.lines.len() && (hunk.old_unended || hunk.new_unended);
        for same in [|a: &str, b: &str| a == b, |a: &str, b: &str| a.trim_end() == b.trim_end()] {
            let mut starts = starts(text, &wanted, same);
            starts.retain(|start| taken.iter().all(|taken| start + wanted.len() <= taken.start || taken.end <= *start));
            if at_end && starts.iter().any(|start| start + wanted.len() == text.len()) {
                starts.retain(|start| start + wanted.len() == text.len());
            }
            let start = match starts.as_slice() {
                [] => continue,
                [start] => *start,
                _ => match expected.find(|expected| starts.contains(expected)) {
                    Some(start) => start,
                    None => return Err(ambiguous(&starts, texts)),
                },
            };
            return Ok(Place { lines: start..start + wanted.len(), part, fuzz, offset: 0 });
        }
    }
    Err(texts.plain("patch/not_in_file"))
}

fn ambiguous(starts: &[usize], texts: &dyn Texts) -> String {
    let lines: Vec<usize> = starts.iter().map(|start| start + 1).collect();
    texts.render("patch/ambiguous", json!({ "count": lines.len(), "lines": at_lines(&lines, texts) }))
}

/// Returns the hunk without up to `fuzz` lines of context at each end, when that takes any away and leaves enough.
fn trimmed(hunk: &Hunk, fuzz: usize) -> Option<Range<usize>> {
    let context = |line: &&HunkLine| line.sign == Sign::Context;
    let head = hunk.lines.iter().take_while(context).count();
    let tail = hunk.lines.iter().rev().take_while(context).count();
    if head == hunk.lines.len() || fuzz > head.max(tail) {
        return (fuzz == 0).then_some(0..hunk.lines.len());
    }
    let part = fuzz.min(head)..hunk.lines.len() - fuzz.min(tail);
    let rest = hunk.lines.get(part.clone())?;
    let findable = rest.iter().any(|line| line.sign != Sign::Added && !line.text.trim().is_empty());
    (fuzz == 0 || findable).then_some(part)
}

/// Returns where `wanted` begins in `text`.
fn starts(text: &[&str], wanted: &[&str], same: impl Fn(&str, &str) -> bool) -> Vec<usize> {
    text.windows(wanted.len().max(1))
        .enumerate()
        .filter(|(_, window)| window.iter().zip(wanted).all(|(a, b)| same(a, b)))
        .map(|(start, _)| start)
        .collect()
}
