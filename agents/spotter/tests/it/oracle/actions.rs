//! What the model calls in the flow with all actions in one conversation, by the answers to its calls so far.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::json;

use super::gold::{Gold, Hunk, Known, is_blank};
use super::request::{Call, Lost, Request};
use super::shown::Shown;

/// Lines around a change that its old text has at least, as what is not known of the file may be like it.
const CONTEXT: usize = 3;
/// Stands for a line that is not known.
const GAP: &str = "\0";

/// Returns the next call: finds all code, views the spans, makes the changes, finishes.
pub(crate) fn call(gold: &Gold, issue: &str, request: &Request) -> Result<Call, Lost> {
    request.without(issue)?;
    let observations: Vec<&str> = request.turns.iter().map(|turn| turn.observation.as_str()).collect();
    let at = observations.len();
    let mut steps: Vec<Call> = gold.hunks.iter().map(find).collect();
    let finds = steps.len();
    let mut shown = Shown::default();
    if at >= finds {
        observations[..finds].iter().for_each(|text| shown.read(text));
        steps.extend(views(gold, &shown)?);
    }
    let seen = steps.len();
    if at >= seen {
        for (text, view) in observations[finds..seen].iter().zip(&steps[finds..]) {
            check_view(view, &Shown::of_text(text)).map_err(|why| format!("{why}: {text}"))?;
            shown.read(text);
        }
        let mut told = observations[seen..].iter();
        for (call, changed) in changes(gold, &shown)? {
            let text = told.next();
            if let Some(line) =
                changed.iter().find(|line| text.is_some_and(|text| !text.split('\n').any(|told| told == **line)))
            {
                return Err(format!("a change of `{}` does not show `{line}`: {text:?}", call.text("path")));
            }
            steps.push(call);
        }
        steps.push(Call::new("finish", &json!({})));
    }
    steps.get(at).cloned().ok_or_else(|| "nothing is left to do".to_owned())
}

/// Returns the search for a hunk's lines.
fn find(hunk: &Hunk) -> Call {
    Call::new("find_code_snippet", &json!({ "code_snippet": hunk.old.join("\n"), "file_pattern": hunk.path }))
}

/// Returns the views of the spans that hold the changes, and of those that are as like as not to do so.
fn views(gold: &Gold, shown: &Shown) -> Result<Vec<Call>, Lost> {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for hunk in &gold.hunks {
        let held = shown.holding(hunk, &BTreeSet::new());
        if held.len() < hunk.edits.len() {
            return Err(format!("no span of `{}` was found at line {}", hunk.path, hunk.start));
        }
        wanted.extend(held.into_values().map(|span| (span.path.as_str(), span.id.as_str())));
    }
    let cut = shown.spans.iter().filter(|span| span.is_cut() && gold.of(&span.path).next().is_some());
    wanted.extend(cut.map(|span| (span.path.as_str(), span.id.as_str())));
    let mut seen = BTreeSet::new();
    wanted.retain(|span| seen.insert(*span));
    let view = |(path, span): (&str, &str)| Call::new("view_code", &json!({ "path": path, "span_ids": [span] }));
    Ok(wanted.into_iter().map(view).collect())
}

/// Checks that a view shows what was asked for.
fn check_view(view: &Call, shown: &Shown) -> Result<(), Lost> {
    let (path, ids) = (view.text("path"), &view.arguments["span_ids"]);
    let is_shown = shown.spans.iter().any(|span| span.path == path && *ids == json!([span.id]));
    is_shown.then_some(()).ok_or_else(|| format!("the spans {ids} of `{path}` are not shown"))
}

/// Returns the calls that make the changes, each with the lines of a diff that its result must show.
fn changes(gold: &Gold, shown: &Shown) -> Result<Vec<(Call, Vec<String>)>, Lost> {
    let mut calls = Vec::new();
    for path in gold.paths() {
        calls.extend(replacements(gold, path, shown)?);
    }
    for created in &gold.created {
        let call = Call::new("create_file", &json!({ "path": created.path, "file_text": created.text }));
        calls.push((call, created.text.lines().map(|line| format!("+{line}")).collect()));
    }
    Ok(calls)
}

/// Returns the changes of a file from its end to its beginning, each by a text that is there once.
///
/// A hunk is one change, as a part of it may leave a file that does not parse.
fn replacements(gold: &Gold, path: &str, shown: &Shown) -> Result<Vec<(Call, Vec<String>)>, Lost> {
    let known = shown.of(path);
    let mut lines = lines(&known);
    let mut places = Vec::new();
    for hunk in gold.of(path) {
        let start = hunk.find(&known, &BTreeSet::new(), 1);
        let start = start.and_then(|start| start.checked_sub(1));
        let start =
            start.ok_or_else(|| format!("the code shown of `{path}` has no lines as they are at {}", hunk.start))?;
        lines.resize(lines.len().max(start + hunk.old.len()), None);
        // The patch knows its lines exactly, with what is at their ends.
        lines.splice(start..start + hunk.old.len(), hunk.old.iter().cloned().map(Some));
        places.push((start, hunk));
    }
    let mut calls = Vec::new();
    for (start, hunk) in places.into_iter().rev() {
        let whole = hunk.whole();
        let place = start + whole.old.start..start + whole.old.end;
        let (old, new) = replacement(&lines, place.clone(), &whole.lines)
            .ok_or_else(|| format!("no text around the change of `{path}` at {} occurs once", hunk.start))?;
        let call = Call::new("string_replace", &json!({ "path": path, "old_str": old, "new_str": new }));
        let added = hunk.edits.iter().flat_map(|edit| &edit.change.lines).map(|line| format!("+{line}"));
        calls.push((call, [format!("+++ {path}")].into_iter().chain(added).collect()));
        lines.splice(place, whole.lines.into_iter().map(Some));
    }
    Ok(calls)
}

/// Returns the lines of a file from its first one; `None` stands for one that is not known.
fn lines(known: &Known) -> Vec<Option<String>> {
    let last = known.keys().last().copied().unwrap_or_default();
    (1..=last).map(|number| known.get(&number).cloned()).collect()
}

/// Returns the old and new text of a change, widened within the known lines around it until the old one is there once.
///
/// Neither starts nor ends with a blank line where the file allows it, since protocols that carry arguments as text may
/// trim them.
fn replacement(lines: &[Option<String>], place: Range<usize>, new: &[String]) -> Option<(String, String)> {
    let top = (0..place.start).rev().find(|at| lines[*at].is_none()).map_or(0, |at| at + 1);
    let bottom = (place.end..lines.len()).find(|at| lines[*at].is_none()).unwrap_or(lines.len());
    let joined = |range: Range<usize>| -> Vec<String> { lines[range].iter().flatten().cloned().collect() };
    let blank = |at: usize| lines[at].as_deref().is_none_or(is_blank);
    let text: Vec<&str> = lines.iter().map(|line| line.as_deref().unwrap_or(GAP)).collect();
    let text = text.join("\n");
    for margin in CONTEXT..lines.len() + CONTEXT + 1 {
        let mut first = place.start.saturating_sub(margin).max(top);
        let mut last = (place.end + margin).min(bottom);
        while first > top && blank(first) {
            first -= 1;
        }
        while last < bottom && last > 0 && blank(last - 1) {
            last += 1;
        }
        let old = joined(first..last).join("\n");
        if !old.is_empty() && occurrences(&text, &old) == 1 {
            let new = [joined(first..place.start), new.to_vec(), joined(place.end..last)].concat();
            return Some((old, new.join("\n")));
        }
    }
    None
}

/// Counts the places where a text stands, overlapping ones too.
fn occurrences(text: &str, part: &str) -> usize {
    text.char_indices().filter(|(at, _)| text[*at..].starts_with(part)).count()
}
