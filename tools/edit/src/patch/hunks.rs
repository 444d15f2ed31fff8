//! Applies the hunks of one file to its text.

use serde_json::json;
use tool_core::Texts;

use crate::edits::miss::describe;
use crate::edits::view::{count, lines};
use crate::patch::file_patch::{Hunk, HunkLine, Sign};
use crate::patch::place::{Place, place};

/// A patched text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patched {
    /// The text after.
    pub body: String,
    /// Lines that were added.
    pub added: usize,
    /// Lines that were removed.
    pub removed: usize,
    /// What had to be corrected for the hunks to fit, a sentence for each.
    pub notes: Vec<String>,
}

/// Applies hunks to a text with `\n` line ends, all or none. Up to `fuzz` lines of context at either end of a hunk need
/// not fit.
///
/// # Errors
/// For each hunk that does not fit, which one it is, why, and what is most like it in the text.
pub fn apply_hunks(body: &str, hunks: &[Hunk], fuzz: usize, texts: &dyn Texts) -> Result<Patched, Vec<String>> {
    let text = lines(body);
    let mut places: Vec<(Place, &Hunk)> = Vec::new();
    let mut patched = Patched::default();
    let mut failures = Vec::new();
    let mut shift = 0;
    for (number, hunk) in (1..).zip(hunks) {
        let failure = |reason: String| {
            let values = json!({ "number": number, "count": hunks.len(), "line": hunk.patch_line, "reason": reason });
            texts.render("patch/hunk", values) + "\n"
        };
        let taken: Vec<_> = places.iter().map(|(place, _)| place.lines.clone()).collect();
        if only_line_ends(hunk) {
            failures.push(failure(texts.plain("patch/only_line_ends")));
            continue;
        }
        match place(&text, hunk, &taken, shift, fuzz, texts) {
            Ok(place) => {
                shift = place.offset;
                patched.notes.extend(note(number, hunk, &place, texts));
                patched.added += hunk.count(Sign::Added);
                patched.removed += hunk.count(Sign::Removed);
                places.push((place, hunk));
            }
            Err(reason) => failures.push(failure(reason) + &nearest(body, &text, hunk, texts)),
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    places.sort_by_key(|(place, _)| (place.lines.start, place.lines.end));
    patched.body = rewritten(body, &text, &places);
    Ok(patched)
}

fn rewritten(body: &str, text: &[&str], places: &[(Place, &Hunk)]) -> String {
    let mut out: Vec<&str> = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut ended = text.is_empty() || body.ends_with('\n');
    for (place, hunk) in places {
        out.extend(text.get(at..place.lines.start).unwrap_or_default());
        at = place.lines.start;
        for line in hunk.lines.get(place.part.clone()).unwrap_or_default() {
            match line.sign {
                // The file's own line, which may differ in blanks at its end.
                Sign::Context => {
                    out.extend(text.get(at));
                    at += 1;
                }
                Sign::Removed => at += 1,
                Sign::Added => out.push(line.plain()),
            }
        }
        let whole = place.part.end == hunk.lines.len();
        if whole && at == text.len() && (hunk.old_unended || hunk.new_unended) {
            ended = !hunk.new_unended;
        }
    }
    out.extend(text.get(at..).unwrap_or_default());
    let end = if ended && !out.is_empty() { "\n" } else { "" };
    out.join("\n") + end
}

/// Returns whether the change of a hunk cannot be seen in a text with `\n` line ends.
fn only_line_ends(hunk: &Hunk) -> bool {
    let side = |sign| hunk.lines.iter().filter(move |line| line.sign == sign);
    let differ = side(Sign::Removed).map(|line| &line.text).ne(side(Sign::Added).map(|line| &line.text));
    differ && side(Sign::Removed).map(HunkLine::plain).eq(side(Sign::Added).map(HunkLine::plain))
}

fn note(number: usize, hunk: &Hunk, place: &Place, texts: &dyn Texts) -> Option<String> {
    let mut parts = Vec::new();
    let lines = json!({ "lines": count(place.offset.unsigned_abs(), "edit/line_count", texts) });
    match place.offset {
        0 => {}
        1.. => parts.push(texts.render("patch/note_down", lines)),
        _ => parts.push(texts.render("patch/note_up", lines)),
    }
    if hunk.stated.is_none() {
        parts.push(texts.plain("patch/note_unnumbered"));
    }
    if place.fuzz > 0 {
        parts.push(texts.render("patch/note_fuzz", json!({ "fuzz": place.fuzz })));
    }
    if hunk.miscounted {
        parts.push(texts.plain("patch/note_miscounted"));
    }
    let values = json!({ "number": number, "line": place.lines.start + 1, "notes": parts });
    (!parts.is_empty()).then(|| texts.render("patch/note", values))
}

/// Says what in the text is most like the hunk.
fn nearest(body: &str, text: &[&str], hunk: &Hunk, texts: &dyn Texts) -> String {
    let new: Vec<&str> = hunk.new_lines().map(HunkLine::plain).collect();
    let mut hint = String::new();
    if hunk.count(Sign::Added) > 0
        && let Some(at) = text.windows(new.len().max(1)).position(|window| window == new)
    {
        hint = texts.render("patch/hint_already_there", json!({ "line": at + 1 })) + "\n";
    }
    let old: Vec<&str> = hunk.old_lines().map(HunkLine::plain).collect();
    if old.is_empty() || starts_like(text, &old) {
        return hint;
    }
    hint + &describe(body, &old.join("\n"), &texts.plain("patch/the_hunk"), texts)
}

/// Returns whether the lines are in the text, so that there is nothing to compare.
fn starts_like(text: &[&str], lines: &[&str]) -> bool {
    text.windows(lines.len().max(1)).any(|window| window == lines)
}
