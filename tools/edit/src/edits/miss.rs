//! Messages for a text to replace that was not found.

use std::borrow::Cow;

use serde_json::json;
use tool_core::Texts;

use crate::edits::change::{line_of, unix};
use crate::edits::closest::{closest, without_blanks};
use crate::edits::diff::unified;
use crate::edits::view::{lines, span};

/// Lines of the text to replace that are looked at.
const WANTED: usize = 400;

/// Says why `old` may not be in `body`: what it differs in, and the most similar region as a diff.
pub fn miss(body: &str, old: &str, new: &str, texts: &dyn Texts) -> String {
    let (old, new) = (unix(old), unix(new));
    let mut text = texts.plain("edit/missing") + "\n";
    if body.is_empty() {
        return text + &texts.plain("edit/hint_empty_file") + "\n";
    }
    let (hint, wanted) = misquoted(body, &old);
    text.extend(hint.map(|name| texts.plain(name) + "\n"));
    if new.trim().len() >= 10
        && let Some(at) = body.find(new.as_ref())
    {
        let line = line_of(body, at) + 1;
        text.push_str(&texts.render("edit/hint_made_before", json!({ "line": line })));
        text.push('\n');
    }
    text + &describe(body, &wanted, "old_str", texts)
}

/// Shows the region of `body` that is most like `wanted`, and says how it differs; `name` is what to call `wanted`.
pub(crate) fn describe(body: &str, wanted: &str, name: &str, texts: &dyn Texts) -> String {
    if let Some(at) = body.find(wanted) {
        return texts.render("edit/but_for_that", json!({ "line": line_of(body, at) + 1 })) + "\n";
    }
    let file = lines(body);
    let mut wanted: Vec<&str> = wanted.split_terminator('\n').collect();
    let cut = wanted.len() > WANTED;
    wanted.truncate(WANTED);
    let Some(range) = closest(&file, &wanted) else {
        return texts.plain("edit/nothing_like_it") + "\n";
    };
    let region = file.get(range.clone()).unwrap_or_default();
    let mut text = String::new();
    if let Some(hint) = only_difference(&wanted, region, name, texts) {
        text.push_str(&hint);
        text.push('\n');
    }
    let values = json!({ "first": if cut { WANTED } else { 0 }, "place": span(&range, texts) });
    text.push_str(&texts.render("edit/most_like", values));
    text.push('\n');
    text + &unified(&wanted, region, range.start + 1, texts)
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

/// Returns the name of a hint at how the text was misquoted, and the text as it was probably meant.
fn misquoted<'a>(body: &str, old: &'a str) -> (Option<&'static str>, Cow<'a, str>) {
    if let Some(plain) = without_line_numbers(old) {
        return (Some("edit/hint_line_numbers"), Cow::Owned(plain));
    }
    let unended = old.trim_end_matches('\n');
    let lines = old.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t");
    let unescaped = lines.replace("\\\"", "\"").replace("\\'", "'");
    let entities = old.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let there = |text: &str| text != old && body.contains(text);
    if !unended.is_empty() && body.trim_end_matches('\n').ends_with(unended) {
        (Some("edit/hint_line_breaks"), Cow::Borrowed(unended))
    } else if there(&lines) {
        (Some("edit/hint_spelled_out"), Cow::Owned(lines))
    } else if there(&unescaped) {
        (Some("edit/hint_backslashes"), Cow::Owned(unescaped))
    } else if there(&entities) {
        (Some("edit/hint_entities"), Cow::Owned(entities))
    } else if old.contains('\u{FFFD}') && !body.contains('\u{FFFD}') {
        (Some("edit/hint_stray"), Cow::Borrowed(old))
    } else {
        (None, Cow::Borrowed(old))
    }
}

/// Says in what alone the two differ, where it is only one thing.
fn only_difference(wanted: &[&str], region: &[&str], name: &str, texts: &dyn Texts) -> Option<String> {
    let (bare_wanted, bare_region) = (without_blanks(&wanted.concat()), without_blanks(&region.concat()));
    if bare_wanted.is_empty() {
        return None;
    }
    if bare_region.contains(&bare_wanted) {
        let kinds: Vec<String> = blanks(wanted, region).into_iter().map(|kind| texts.plain(kind)).collect();
        return Some(texts.render("edit/differs_in_blanks", json!({ "name": name, "kinds": kinds })));
    }
    if same_quotes(&bare_region).contains(&same_quotes(&bare_wanted)) {
        let same_blanks =
            wanted.len() == region.len() && same_quotes(&region.concat()).contains(&same_quotes(&wanted.concat()));
        return Some(texts.render("edit/differs_in_quotes", json!({ "name": name, "blanks": !same_blanks })));
    }
    if bare_region.to_lowercase().contains(&bare_wanted.to_lowercase()) {
        return Some(texts.render("edit/differs_in_case", json!({ "name": name })));
    }
    None
}

/// Returns the names of what says which blanks differ.
fn blanks(wanted: &[&str], region: &[&str]) -> Vec<&'static str> {
    if wanted.len() != region.len() {
        return vec!["edit/blanks_lines"];
    }
    let mut kinds: Vec<&'static str> = Vec::new();
    for (index, (wanted, region)) in wanted.iter().zip(region).enumerate() {
        let indent = |line: &str| line.chars().take_while(|c| c.is_whitespace()).collect::<String>();
        let (left, right) = (indent(wanted), indent(region));
        // A first line without indentation may be meant to begin within its line.
        let indented = index > 0 || !left.is_empty();
        if wanted == region || !indented && region.ends_with(wanted) {
            continue;
        }
        let kind = match (left.contains('\t'), right.contains('\t')) {
            _ if without_blanks(wanted).is_empty() => "edit/blanks_empty_line",
            (false, true) if indented => "edit/blanks_tabs",
            (true, false) if indented => "edit/blanks_spaces",
            _ if indented && left != right => "edit/blanks_indentation",
            _ if wanted.trim() != region.trim() && region.contains(wanted.trim()) => "edit/blanks_goes_on",
            _ if wanted.trim() != region.trim() => "edit/blanks_within",
            _ => "edit/blanks_end",
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn same_quotes(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\'' | '`' | '“' | '”' | '‘' | '’') { '"' } else { c }).collect()
}
