//! A patch with the code around it, as SWE-Gym's verifier of Moatless is shown it.

use std::collections::BTreeMap;

use agent_core::{Message, Record, Trajectory};
use env_core::Patch;
use prompts::{PromptError, Prompts};
use serde::Serialize;

use super::Log;
use crate::patch::{FileChange, Hunk, shape};

/// Lines around what is changed.
const AROUND: usize = 5;

/// An episode as what was asked for, its patch before and after, and the code that it was shown of the files that it changes.
///
/// Records hold no files. Lines around a hunk are those of the patch, and further ones where an observation shows them with
/// the same numbers and the same text as the patch; spans are stretches of numbered lines that observations show below, or in
/// answer to, the path of a file that the patch changes. What was never shown is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spans {
    issue: String,
    hunks: Vec<Place>,
    spans: Vec<Span>,
}

/// A hunk before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Place {
    path: String,
    before: String,
    after: String,
}

/// Code that the agent was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Span {
    path: String,
    id: String,
    text: String,
}

/// Numbered lines that follow one another in an observation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Block {
    /// What stands before it: the arguments of the call, and the lines above.
    above: String,
    /// The id that the line right above names.
    id: Option<String>,
    lines: BTreeMap<usize, String>,
}

impl Spans {
    /// Returns what is shown of an episode.
    ///
    /// # Errors
    /// Why nothing can be, in words that count.
    pub fn of(trajectory: &Trajectory, patch: &Patch, log: &Log) -> Result<Self, &'static str> {
        let issue = log.task().ok_or("it does not begin with what was asked for")?.to_owned();
        let files: Vec<FileChange> = shape(&patch.0).into_iter().filter(|file| !file.hunks.is_empty()).collect();
        if files.is_empty() {
            return Err("its patch changes no line");
        }
        let blocks = blocks(trajectory);
        let places = files.iter().flat_map(|file| file.hunks.iter().map(|hunk| place(&file.path, hunk, &blocks)));
        let hunks = places.collect();
        Ok(Self { issue, hunks, spans: spans(&files, &blocks) })
    }

    /// Returns the conversation that asks.
    ///
    /// # Errors
    /// When a template is one of the user's and does not render.
    pub fn messages(&self, prompts: &Prompts) -> Result<Vec<Message>, PromptError> {
        let system = Message::system(prompts.render("verifier/spans_system.md", ())?);
        Ok(vec![system, Message::user(prompts.render("verifier/spans.md", self)?)])
    }
}

/// Returns the answer that a verifier is trained to give.
pub fn truth(resolved: bool) -> Message {
    Message::assistant(if resolved { "True" } else { "False" }, Vec::new())
}

/// Returns a hunk with up to [`AROUND`] lines on each side of what it changes.
fn place(path: &str, hunk: &Hunk, blocks: &[Block]) -> Place {
    let mut before: BTreeMap<usize, &str> =
        hunk.kept.iter().chain(&hunk.removed).map(|(number, line)| (*number, line.as_str())).collect();
    let agrees = |block: &&Block| {
        let mut common = before.iter().filter_map(|(number, line)| Some((block.lines.get(number)?, line))).peekable();
        common.peek().is_some() && common.all(|(shown, line)| shown.trim_end() == line.trim_end())
    };
    let changed = || hunk.removed.iter().chain(&hunk.added).map(|(number, _)| *number);
    let (first, last) = (changed().min().unwrap_or_default(), changed().max().unwrap_or_default());
    // Added lines stand before the line of their number.
    let last_removed = hunk.removed.iter().map(|(number, _)| *number).max().unwrap_or_default();
    let last = if last > last_removed { last.saturating_sub(1) } else { last };
    let range = first.saturating_sub(AROUND)..=last.saturating_add(AROUND);
    // Blank lines are alike everywhere.
    let has_words = |block: &&Block| {
        before.iter().any(|(number, line)| !line.trim().is_empty() && block.lines.contains_key(number))
    };
    if let Some(block) = blocks.iter().find(|block| agrees(block) && has_words(block)) {
        let more: Vec<(usize, &str)> =
            block.lines.range(range.clone()).map(|(number, line)| (*number, line.as_str())).collect();
        for (number, line) in more {
            before.entry(number).or_insert(line);
        }
    }
    let shown = || before.range(range.clone());
    let removed = |number: &usize| hunk.removed.iter().any(|(removed, _)| removed == number);
    let mut after: Vec<(usize, bool, &str)> =
        hunk.added.iter().map(|(number, line)| (*number, false, line.as_str())).collect();
    after.extend(shown().filter(|(number, _)| !removed(number)).map(|(number, line)| (*number, true, *line)));
    // The sort is stable: added lines keep their order.
    after.sort_by_key(|(number, is_old, _)| (*number, *is_old));
    Place {
        path: path.to_owned(),
        before: joined(shown().map(|(_, line)| *line)),
        after: joined(after.into_iter().map(|(_, _, line)| line)),
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Returns what was shown of the files; what stands within another span is not shown twice.
fn spans(files: &[FileChange], blocks: &[Block]) -> Vec<Span> {
    let mut found: Vec<(&str, &Block)> = Vec::new();
    for block in blocks.iter().filter(|block| block.lines.len() > 1) {
        // Of several paths the last counts.
        let at = |file: &FileChange| block.above.rfind(&file.path);
        let file = files.iter().filter(|file| at(file).is_some()).max_by_key(|file| at(file));
        let Some(file) = file else { continue };
        let is_within =
            |one: &Block, other: &Block| one.lines.iter().all(|(number, line)| other.lines.get(number) == Some(line));
        if found.iter().any(|(path, other)| *path == file.path && is_within(block, other)) {
            continue;
        }
        found.retain(|(path, other)| *path != file.path || !is_within(other, block));
        found.push((&file.path, block));
    }
    let span = |(path, block): (&str, &Block)| {
        let [first, last] = [block.lines.keys().next(), block.lines.keys().next_back()]
            .map(|number| number.copied().unwrap_or_default());
        let lines = block.lines.iter().map(|(number, line)| format!("({number:04}) {}", line.trim_end()));
        Span {
            path: path.to_owned(),
            id: block.id.clone().unwrap_or_else(|| format!("lines {first}-{last}")),
            text: lines.collect::<Vec<_>>().join("\n"),
        }
    };
    found.into_iter().map(span).collect()
}

/// Returns the numbered lines of all observations.
fn blocks(trajectory: &Trajectory) -> Vec<Block> {
    let mut blocks = Vec::new();
    for record in &trajectory.records {
        match record {
            Record::Observation { call, observation, .. } => blocks_of(&call.arguments, &observation.text, &mut blocks),
            Record::Message { message, .. } => blocks_of("", &message.content, &mut blocks),
            _ => {}
        }
    }
    blocks
}

fn blocks_of(arguments: &str, text: &str, blocks: &mut Vec<Block>) {
    // The line above, and the last one that begins a file or names a path.
    let (mut above, mut heading) = ("", "");
    let mut open: Option<Block> = None;
    for line in text.lines() {
        let Some((number, code)) = numbered(line) else {
            blocks.extend(open.take());
            if line.contains('/') || line.contains('.') {
                heading = line;
            }
            above = line;
            continue;
        };
        let follows = |block: &Block| block.lines.keys().next_back().is_some_and(|last| last + 1 == number);
        if !open.as_ref().is_some_and(follows) {
            blocks.extend(open.take());
            let id = above.split_once("span `").and_then(|(_, rest)| Some(rest.split_once('`')?.0.to_owned()));
            open = Some(Block { above: format!("{arguments}\n{heading}"), id, lines: BTreeMap::new() });
        }
        if let Some(block) = &mut open {
            block.lines.insert(number, code.to_owned());
        }
    }
    blocks.extend(open);
}

/// Reads a line with its number before it: as `cat -n` and the tools for editing and searching write it, with a colon, or in
/// brackets.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let (is_bracketed, line) = line.strip_prefix('(').map_or((false, line), |line| (true, line));
    let end = line.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(line.len());
    let (number, rest) = line.split_at_checked(end)?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    let code = match is_bracketed {
        true => rest.strip_prefix(')').map(|rest| rest.strip_prefix(' ').unwrap_or(rest))?,
        false if rest.is_empty() => rest,
        false => ["\t", "  ", ":", "|"].iter().find_map(|mark| rest.strip_prefix(mark))?,
    };
    Some((number, code))
}
