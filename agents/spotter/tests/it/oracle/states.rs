//! What the model answers in the state machine: one action a conversation, by what the question shows.
//!
//! Which state asks is told by the arguments that its one tool takes. What was done before is told by marks that the
//! model itself put into its instructions, and that come back to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::gold::{Gold, Hunk, Known, is_blank};
use super::marks::{Mark, Step, marks};
use super::request::{Call, Lost, Request};
use super::shown::{Shown, blocks, heading, numbered};

/// Lines chosen on either side of a change.
const MARGIN: usize = 3;
/// Bytes that make a token, by the agent's rule of thumb.
const TOKEN: usize = 4;

/// Returns the call of a state's tool.
pub(crate) fn call(gold: &Gold, issue: &str, request: &Request) -> Result<Call, Lost> {
    if let Some(turn) = request.turns.first() {
        return Err(format!("an answer was refused: {}", turn.observation));
    }
    let takes = |argument: &str| request.offers.iter().any(|offer| offer.takes(argument));
    let (name, arguments) = match () {
        () if takes("search_requests") => ("search", request.without(issue).map(|_| search(gold))),
        () if takes("identified_spans") => ("identify", identify(gold, &request.without(issue)?)),
        () if takes("relevant") => ("decide", decide(gold, &request.without(issue)?)),
        () if takes("instructions") => ("plan", plan(gold, &request.without(issue)?)),
        () if takes("start_line") => ("select_lines", select_lines(gold, &request.system, &request.asked)),
        () if takes("replace") => ("replace_code", replace_code(gold, &request.asked)),
        () => return Err(format!("there is no answer to an offer of {:?}", request.offers)),
    };
    let arguments = arguments.map_err(|lost| format!("{name}: {lost}"))?;
    Ok(Call::new(name, &arguments))
}

/// Searches for the code of each hunk as it is.
fn search(gold: &Gold) -> Value {
    let requests =
        gold.hunks.iter().map(|hunk| json!({ "code_snippet": hunk.old.join("\n"), "file_pattern": hunk.path }));
    json!({ "scratch_pad": "The code that changes, as it is now.", "search_requests": requests.collect::<Vec<_>>() })
}

/// Names the spans that were found and hold the changes.
fn identify(gold: &Gold, asked: &str) -> Result<Value, Lost> {
    let shown = Shown::of_text(asked);
    let mut chosen: Vec<Value> = Vec::new();
    for path in gold.paths() {
        let mut ids = Vec::new();
        for hunk in gold.of(path) {
            ids.extend(all_held(&shown, hunk, asked)?.into_values());
        }
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        chosen.push(json!({ "file_path": path, "span_ids": ids }));
    }
    Ok(json!({ "scratch_pad": "These spans hold what changes.", "identified_spans": chosen }))
}

/// Returns the id of the span for each change of a hunk.
fn all_held(shown: &Shown, hunk: &Hunk, asked: &str) -> Result<BTreeMap<usize, String>, Lost> {
    let held = shown.holding(hunk, &BTreeSet::new());
    if held.len() < hunk.edits.len() {
        return Err(format!("no span of `{}` holds all that changes at line {}: {asked}", hunk.path, hunk.start));
    }
    Ok(held.into_iter().map(|(number, span)| (number, span.id.clone())).collect())
}

/// Says that the code is there, where it is.
fn decide(gold: &Gold, asked: &str) -> Result<Value, Lost> {
    let shown = Shown::of_text(asked);
    gold.hunks.iter().try_for_each(|hunk| all_held(&shown, hunk, asked).map(drop))?;
    Ok(json!({ "scratch_pad": "All of the code that changes is there.", "relevant": true, "complete": true }))
}

/// Plans the changes of one span, from the end of a file to its beginning; then the new files.
fn plan(gold: &Gold, asked: &str) -> Result<Value, Lost> {
    let done = made(asked);
    let shown = Shown::of_text(asked);
    for path in gold.paths() {
        let left: Vec<usize> = gold
            .of(path)
            .flat_map(|hunk| &hunk.edits)
            .map(|edit| edit.number)
            .filter(|number| !done.contains(number))
            .collect();
        let Some(last) = left.last() else { continue };
        let held: BTreeMap<usize, _> = gold.of(path).flat_map(|hunk| shown.holding(hunk, &done)).collect();
        let span = *held.get(last).ok_or_else(|| format!("no span of `{path}` holds the change {last}: {asked}"))?;
        let numbers: Vec<usize> = left.iter().copied().filter(|number| held.get(number) == Some(&span)).collect();
        return Ok(json!({
            "scratch_pad": "The lowest change first, so that the lines above keep their numbers.",
            "action": "modify",
            "file_path": path,
            "span_id": span.id,
            "instructions": format!("{}\n{}", Mark::new(Step::Plan, &numbers), described(gold, &numbers)),
        }));
    }
    match gold.created.iter().find(|created| !done.contains(&created.number)) {
        Some(created) => Ok(json!({
            "action": "create",
            "file_path": created.path,
            "instructions": format!("{} The file is new.", Mark::new(Step::Plan, &[created.number])),
        })),
        None => Ok(json!({ "action": "finish", "finish": "All changes are made." })),
    }
}

/// Returns the changes that were made, as those asked for earlier are listed: of a plan all, or those of the lines that
/// were chosen.
fn made(asked: &str) -> BTreeSet<usize> {
    let mut made: Vec<Mark> = Vec::new();
    for mark in marks(asked) {
        if mark.step == Step::Lines {
            made.pop();
        }
        made.push(mark);
    }
    made.into_iter().flat_map(|mark| mark.numbers).collect()
}

/// Returns what changes, line by line.
fn described(gold: &Gold, numbers: &[usize]) -> String {
    let mut lines = Vec::new();
    for hunk in &gold.hunks {
        for edit in hunk.edits.iter().filter(|edit| numbers.contains(&edit.number)) {
            lines.extend(hunk.old[edit.change.old.clone()].iter().map(|line| format!("- {line}")));
            lines.extend(edit.change.lines.iter().map(|line| format!("+ {line}")));
        }
    }
    lines.join("\n")
}

/// Returns the changes that the instructions in a question name last.
fn instructed(asked: &str) -> Result<Vec<usize>, Lost> {
    let last = marks(asked).pop().ok_or_else(|| format!("the instructions are not shown: {asked}"))?;
    Ok(last.numbers)
}

/// Returns the file of a change, which a question must name.
fn path_of<'a>(gold: &'a Gold, numbers: &[usize], asked: &str) -> Result<&'a str, Lost> {
    let of_hunks = gold.hunks.iter().flat_map(|hunk| hunk.edits.iter().map(|edit| (edit.number, hunk.path.as_str())));
    let of_new = gold.created.iter().map(|created| (created.number, created.path.as_str()));
    let found = of_hunks.chain(of_new).find(|(number, _)| numbers.contains(number)).map(|(_, path)| path);
    let named = found.filter(|path| asked.contains(&format!("`{path}`")));
    named.ok_or_else(|| format!("the file of the changes {numbers:?} is not named: {asked}"))
}

/// Chooses the lines of the lowest changes, as many as fit into one edit.
fn select_lines(gold: &Gold, system: &str, asked: &str) -> Result<Value, Lost> {
    let numbers = instructed(asked)?;
    let path = path_of(gold, &numbers, asked)?;
    // The limit is the largest number that is told.
    let told = system.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    let most: usize = told.max().ok_or("no limit is told")?;
    let code: Known = asked.split('\n').filter_map(numbered).map(|(number, line)| (number, line.to_owned())).collect();
    let places = located(gold, path, &numbers, &code)?;
    let mut chosen: Vec<usize> = Vec::new();
    for number in places.keys().rev() {
        let with: Vec<usize> = [&[*number], chosen.as_slice()].concat();
        if !chosen.is_empty() && size(window(&places, &with, &code, 0), &code) > most {
            break;
        }
        chosen = with;
    }
    let whole = window(&places, &chosen, &code, usize::MAX);
    let mut fitting = (0..=MARGIN).rev().map(|margin| window(&places, &chosen, &code, margin));
    let best = fitting.find(|lines| size(*lines, &code) <= most && *lines != whole);
    let (first, last) =
        best.ok_or_else(|| format!("the changes {chosen:?} do not fit into one edit of {most} tokens"))?;
    Ok(json!({ "scratch_pad": Mark::new(Step::Lines, &chosen).to_string(), "start_line": first, "end_line": last }))
}

/// Returns the lines around some places, as far as they are shown.
fn window(places: &BTreeMap<usize, (usize, usize)>, chosen: &[usize], code: &Known, margin: usize) -> (usize, usize) {
    let chosen: Vec<(usize, usize)> = chosen.iter().map(|number| places[number]).collect();
    let ends = (chosen.iter().map(|place| place.0).min(), chosen.iter().map(|place| place.1).max());
    let (first, last) = (ends.0.unwrap_or_default(), ends.1.unwrap_or_default());
    let (top, bottom) = (code.keys().next().copied(), code.keys().last().copied());
    (first.saturating_sub(margin).max(top.unwrap_or(first)), last.saturating_add(margin).min(bottom.unwrap_or(last)))
}

/// Returns the tokens of some lines.
fn size((first, last): (usize, usize), code: &Known) -> usize {
    let lines: Vec<&str> = code.range(first..=last).map(|(_, line)| line.as_str()).collect();
    lines.join("\n").len().div_ceil(TOKEN)
}

/// Returns the lines that each of some changes touches; those below them are made already.
fn located(gold: &Gold, path: &str, numbers: &[usize], code: &Known) -> Result<BTreeMap<usize, (usize, usize)>, Lost> {
    let mut places = BTreeMap::new();
    for hunk in gold.of(path) {
        let of_hunk = hunk.edits.iter().map(|edit| edit.number);
        let here: Vec<usize> = of_hunk.clone().filter(|number| numbers.contains(number)).collect();
        let Some(lowest) = here.last() else { continue };
        // Changes are made from below, so that of this hunk those after the named ones are made.
        let done = of_hunk.filter(|number| number > lowest).collect();
        let start = hunk.find(code, &done, 1);
        let start =
            start.ok_or_else(|| format!("the code shown of `{path}` has none of the lines of the changes {here:?}"))?;
        places.extend(here.iter().map(|number| (*number, hunk.place(*number, start, &done))));
    }
    Ok(places)
}

/// Writes the piece anew with the changes that its instructions name.
fn replace_code(gold: &Gold, asked: &str) -> Result<Value, Lost> {
    let numbers = instructed(asked)?;
    let path = path_of(gold, &numbers, asked)?;
    if let Some(created) = gold.created.iter().find(|created| numbers.contains(&created.number)) {
        return Ok(json!({ "replace": created.text }));
    }
    // The piece stands below the instructions; its place is told beside it.
    let (blocks, beside) = blocks(asked);
    let piece =
        blocks.last().filter(|piece| marks(piece).is_empty()).ok_or_else(|| format!("no piece is shown: {asked}"))?;
    let place = beside.split('\n').filter_map(heading).find(|(named, ..)| *named == path);
    let (_, first, last) = place.ok_or_else(|| format!("the lines of the piece are not named: {asked}"))?;
    let mut piece: Vec<String> = piece.split('\n').map(str::to_owned).collect();
    if first + piece.len() != last + 1 {
        return Err(format!("{} lines are shown as the lines {first} to {last}", piece.len()));
    }
    let code: Known = (first..).zip(piece.iter().cloned()).collect();
    for (number, (start, _)) in located(gold, path, &numbers, &code)?.into_iter().rev() {
        let hunk = gold.of(path).find(|hunk| hunk.edits.iter().any(|edit| edit.number == number));
        change(&mut piece, hunk.ok_or("there is no such change")?, number, start.saturating_sub(first))?;
    }
    Ok(json!({ "replace": piece.join("\n") }))
}

/// Makes one change in a piece in which it touches the line `at`.
fn change(piece: &mut Vec<String>, hunk: &Hunk, number: usize, at: usize) -> Result<(), Lost> {
    let change = &hunk.edit(number).change;
    let old = &hunk.old[change.old.clone()];
    // An insertion's place is the line before it, or the one after where that is empty.
    let above = change.old.start.checked_sub(1).and_then(|above| hunk.old.get(above));
    let begin = at + usize::from(old.is_empty() && above.is_some_and(|line| !is_blank(line)));
    // Of what is removed, empty lines at the edges may lie outside of the piece.
    let lead = old.iter().position(|line| !is_blank(line)).unwrap_or_default();
    let end = (begin + old.len()).saturating_sub(lead).min(piece.len());
    let begin = begin.saturating_sub(lead).min(end);
    let filled = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !is_blank(line)).map(|line| line.trim_end().to_owned()).collect()
    };
    if filled(&piece[begin..end]) != filled(old) {
        return Err(format!("the lines of the change {number} are not all in the piece"));
    }
    piece.splice(begin..end, change.lines.iter().cloned());
    Ok(())
}
