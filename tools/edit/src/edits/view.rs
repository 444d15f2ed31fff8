//! Lines with their numbers.

use std::ops::Range;

use serde_json::json;
use tool_core::Texts;

/// Returns the lines of a text, without their ends.
pub fn lines(body: &str) -> Vec<&str> {
    body.split_terminator('\n').collect()
}

/// Lays the lines out as `cat -n` does: the number six wide, a tab, the line. Stops after `max` characters and says so.
pub fn numbered(lines: &[&str], range: Range<usize>, max: usize, texts: &dyn Texts) -> String {
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
            text.push_str(&format!("{number:6}\t{start}\n"));
            let values = json!({ "number": number, "length": length - 8, "max": max });
            text.push_str(&texts.render("edit/clipped_line", values));
        } else {
            let values = json!({ "lines": span(&(index..range.end), texts), "max": max });
            text.push_str(&texts.render("edit/clipped_lines", values));
        }
        text.push('\n');
        break;
    }
    text
}

/// Returns the changed lines with `context` lines on either side.
pub(crate) fn around(changed: &Range<usize>, context: usize, last: usize) -> Range<usize> {
    changed.start.saturating_sub(context).min(last)..(changed.end + context).min(last)
}

/// Turns a `view_range` for a text of `last` lines into lines counted from 0, and a note where it was corrected.
///
/// # Errors
/// When it has not two numbers, is reversed, starts below 1 or starts after the last line: the message for the model.
pub fn parse_range(range: &[i64], last: usize, texts: &dyn Texts) -> Result<(Range<usize>, Option<String>), String> {
    let shown = format!("{range:?}");
    let err =
        |name: &str| Err(texts.render(name, json!({ "range": shown, "lines": count(last, "edit/line_count", texts) })));
    let &[start, end] = range else { return err("edit/range_not_two") };
    if start < 1 {
        return err("edit/range_from_zero");
    }
    if end != -1 && end < start {
        return err("edit/range_reversed");
    }
    let first = usize::try_from(start).unwrap_or(usize::MAX) - 1;
    if first >= last && !(first == 0 && last == 0) {
        return err("edit/range_behind");
    }
    match usize::try_from(end) {
        Ok(end) if end > last => {
            let note = texts.render("edit/range_cut", json!({ "last": last, "end": end }));
            Ok((first..last, Some(note)))
        }
        Ok(end) => Ok((first..end, None)),
        Err(_) => Ok((first..last, None)),
    }
}

/// Names a range of lines, counted from 0, for a reader who counts from 1.
pub(crate) fn span(lines: &Range<usize>, texts: &dyn Texts) -> String {
    match lines.len() {
        1 => texts.render("edit/line", json!({ "line": lines.start + 1 })),
        _ => texts.render("edit/lines", json!({ "first": lines.start + 1, "last": lines.end })),
    }
}

/// Returns a number with its noun, which the text of this name has in the plural where needed.
pub(crate) fn count(number: usize, name: &str, texts: &dyn Texts) -> String {
    texts.render(name, json!({ "number": number }))
}
