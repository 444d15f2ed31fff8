//! Lines with their numbers.

use std::ops::Range;

use crate::EditError;

/// Returns the lines of a text, without their ends.
pub fn lines(body: &str) -> Vec<&str> {
    body.split_terminator('\n').collect()
}

/// Lays the lines out as `cat -n` does: the number six wide, a tab, the line. Stops after `max` characters and says so.
pub fn numbered(lines: &[&str], range: Range<usize>, max: usize) -> String {
    let mut text = String::new();
    let mut left = max;
    for (index, line) in lines.iter().enumerate().take(range.end).skip(range.start) {
        let number = index + 1;
        let length = line.chars().count() + 8;
        if length <= left {
            text.push_str(&format!("{number:6}\t{line}\n"));
            left -= length;
            continue;
        }
        if index == range.start {
            let start: String = line.chars().take(max).collect();
            text.push_str(&format!(
                "{number:6}\t{start}\n(clipped: line {number} has {} characters, {max} are shown",
                length - 8
            ));
        } else {
            text.push_str(&format!("(clipped: {} not shown", span(&(index..range.end))));
        }
        text.push_str(&format!("; at most {max} characters fit, use view_range)\n"));
        break;
    }
    text
}

/// Returns the changed lines with `context` lines on either side.
pub(crate) fn around(changed: &Range<usize>, context: usize, last: usize) -> Range<usize> {
    changed.start.saturating_sub(context).min(last)..(changed.end + context).min(last)
}

/// Turns a `view_range` for a text of `last` lines into lines counted from 0, and a note where it was mended.
///
/// # Errors
/// When it has not two numbers, is reversed, starts below 1 or starts after the last line.
pub fn parse_range(range: &[i64], last: usize) -> Result<(Range<usize>, Option<String>), EditError> {
    let err = |reason: String| Err(EditError::Range(format!("view_range {range:?} {reason}")));
    let &[start, end] = range else {
        return err("must have two numbers, the first and the last line to show".to_owned());
    };
    if start < 1 {
        return err("must start at 1 or later: lines are counted from 1".to_owned());
    }
    if end != -1 && end < start {
        return err("ends before it starts; -1 as the end means the end of the file".to_owned());
    }
    let first = usize::try_from(start).unwrap_or(usize::MAX) - 1;
    if first >= last && !(first == 0 && last == 0) {
        return err(format!("starts after the end of the file, which has {}", count(last, "line")));
    }
    match usize::try_from(end) {
        Ok(end) if end > last => {
            let note = format!("(the file ends at line {last}, so the view ends there and not at {end})");
            Ok((first..last, Some(note)))
        }
        Ok(end) => Ok((first..end, None)),
        Err(_) => Ok((first..last, None)),
    }
}

/// Names a range of lines, counted from 0, for a reader who counts from 1.
pub(crate) fn span(lines: &Range<usize>) -> String {
    match lines.len() {
        1 => format!("line {}", lines.start + 1),
        _ => format!("lines {}-{}", lines.start + 1, lines.end),
    }
}

/// Returns a number with its noun, in the plural where needed.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
