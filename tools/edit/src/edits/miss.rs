//! What to say when the text to replace is not there.

use std::borrow::Cow;

use crate::edits::change::{line_of, unix};
use crate::edits::closest::{closest, without_blanks};
use crate::edits::diff::unified;
use crate::edits::view::{lines, span};

/// Lines of the text to replace that are looked at.
const WANTED: usize = 400;

/// Says why `old` may not be in `body`: what it differs in, and the most similar region as a diff.
pub fn miss(body: &str, old: &str, new: &str) -> String {
    let (old, new) = (unix(old), unix(new));
    let mut text = "old_str is not in the file; nothing was changed\n".to_owned();
    if body.is_empty() {
        return text + "hint: the file is empty\n";
    }
    let (hint, wanted) = misquoted(body, &old);
    text.push_str(hint);
    if new.trim().len() >= 10
        && let Some(at) = body.find(new.as_ref())
    {
        let line = line_of(body, at) + 1;
        text.push_str(&format!("hint: new_str is already in the file at line {line}; was this edit made before?\n"));
    }
    text + &describe(body, &wanted, "old_str")
}

/// Shows the region of `body` that is most like `wanted`, and says how it differs; `name` is what to call `wanted`.
pub(crate) fn describe(body: &str, wanted: &str, name: &str) -> String {
    if let Some(at) = body.find(wanted) {
        return format!("But for that it is at line {}.\n", line_of(body, at) + 1);
    }
    let file = lines(body);
    let mut wanted: Vec<&str> = wanted.split_terminator('\n').collect();
    let cut = wanted.len() > WANTED;
    wanted.truncate(WANTED);
    let Some(range) = closest(&file, &wanted) else {
        return "Nothing in the file is much like it.\n".to_owned();
    };
    let region = file.get(range.clone()).unwrap_or_default();
    let place = span(&range);
    let mut text = String::new();
    if let Some(kind) = kind_of_difference(&wanted, region, name) {
        text.push_str(&format!("hint: {kind}\n"));
    }
    let head = if cut { format!("the first {WANTED} lines of it") } else { "it".to_owned() };
    text.push_str(&format!("Most like {head} in the file: {place}. What was looked for is `-`, the file is `+`:\n"));
    text + &unified(&wanted, region, range.start + 1)
}

/// Returns the text without the numbers that `view` puts before each line, when every line has one.
fn without_line_numbers(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            plain.push_str(line);
            continue;
        }
        let rest = line.trim_start_matches(' ');
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == rest.len() {
            return None;
        }
        plain.push_str(after.strip_prefix('\t')?);
    }
    (plain.len() < text.len()).then_some(plain)
}

/// Returns a hint at how the text was misquoted, and the text as it was probably meant.
fn misquoted<'a>(body: &str, old: &'a str) -> (&'static str, Cow<'a, str>) {
    if let Some(plain) = without_line_numbers(old) {
        let hint = "hint: the line numbers that `view` shows are not part of the file; leave them out of old_str\n";
        return (hint, Cow::Owned(plain));
    }
    let unended = old.trim_end_matches('\n');
    let lines = old.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t");
    let unescaped = lines.replace("\\\"", "\"").replace("\\'", "'");
    let entities = old.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let there = |text: &str| text != old && body.contains(text);
    if !unended.is_empty() && body.trim_end_matches('\n').ends_with(unended) {
        ("hint: old_str ends with more line breaks than the file\n", Cow::Borrowed(unended))
    } else if there(&lines) {
        ("hint: old_str spells out `\\n` or `\\t` where the file has line breaks or tabs\n", Cow::Owned(lines))
    } else if there(&unescaped) {
        ("hint: old_str has backslashes that the file has not; do not escape quotes\n", Cow::Owned(unescaped))
    } else if there(&entities) {
        (
            "hint: old_str has `&lt;`, `&gt;`, `&quot;` or `&amp;` where the file has the characters\n",
            Cow::Owned(entities),
        )
    } else if old.contains('\u{FFFD}') && !body.contains('\u{FFFD}') {
        ("hint: `\u{FFFD}` stands for bytes that are not UTF-8; quote only what is around them\n", Cow::Borrowed(old))
    } else {
        ("", Cow::Borrowed(old))
    }
}

/// Says in what alone the two differ, where it is only one thing.
fn kind_of_difference(wanted: &[&str], region: &[&str], name: &str) -> Option<String> {
    let (bare_wanted, bare_region) = (without_blanks(&wanted.concat()), without_blanks(&region.concat()));
    if bare_wanted.is_empty() {
        return None;
    }
    if bare_region.contains(&bare_wanted) {
        return Some(format!("{name} differs from the file only in white space: {}", blanks(wanted, region)));
    }
    if same_quotes(&bare_region).contains(&same_quotes(&bare_wanted)) {
        let blanks =
            if wanted.len() == region.len() && same_quotes(&region.concat()).contains(&same_quotes(&wanted.concat())) {
                ""
            } else {
                " and white space"
            };
        return Some(format!("{name} differs from the file only in quotes{blanks}"));
    }
    if bare_region.to_lowercase().contains(&bare_wanted.to_lowercase()) {
        return Some(format!("{name} differs from the file only in upper and lower case"));
    }
    None
}

/// Says which blanks differ.
fn blanks(wanted: &[&str], region: &[&str]) -> String {
    if wanted.len() != region.len() {
        return "line breaks or empty lines".to_owned();
    }
    let mut kinds: Vec<&str> = Vec::new();
    for (index, (wanted, region)) in wanted.iter().zip(region).enumerate() {
        let indent = |line: &str| line.chars().take_while(|c| c.is_whitespace()).collect::<String>();
        let (left, right) = (indent(wanted), indent(region));
        // A first line without indentation may be meant to begin within its line.
        let indented = index > 0 || !left.is_empty();
        if wanted == region || !indented && region.ends_with(wanted) {
            continue;
        }
        let kind = match (left.contains('\t'), right.contains('\t')) {
            _ if without_blanks(wanted).is_empty() => "in an empty line",
            (false, true) if indented => "tabs in the file, spaces in it",
            (true, false) if indented => "spaces in the file, tabs in it",
            _ if indented && left != right => "the indentation",
            _ if wanted.trim() != region.trim() && region.contains(wanted.trim()) => "a line of the file goes on",
            _ if wanted.trim() != region.trim() => "within a line",
            _ => "at the end of a line",
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.join("; ")
}

fn same_quotes(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\'' | '`' | '“' | '”' | '‘' | '’') { '"' } else { c }).collect()
}
