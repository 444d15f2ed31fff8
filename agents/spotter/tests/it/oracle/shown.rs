//! What a text shows of the code: files, their spans and numbered lines.
//!
//! These are data, and are known by their form alone: a path is a line of one word, a numbered line begins with its
//! number and two blanks or a tab, and the heading of a span has an id between backquotes and after it one or two
//! numbers. The words around them may be any.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::gold::{Hunk, Known};

/// Characters of the longest line that is shown whole.
const LONGEST: usize = 300;

/// Lines of a hunk by which it is known next to lines that are left out, where a single one may be alike by chance.
const LEAST: usize = 3;

/// A span by its heading; `lines` are those shown of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) path: String,
    pub(crate) id: String,
    first: usize,
    last: usize,
    lines: BTreeSet<usize>,
}

impl Span {
    /// Returns whether later lines of it are not shown.
    pub(crate) fn is_cut(&self) -> bool {
        !self.lines.contains(&self.last)
    }

    fn holds(&self, (first, last): (usize, usize)) -> bool {
        self.first <= first && last <= self.last
    }

    fn distance(&self, line: usize) -> usize {
        self.first.saturating_sub(line).max(line.saturating_sub(self.last))
    }
}

/// The spans of some text, and the lines of each file by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) spans: Vec<Span>,
    files: HashMap<String, Known>,
}

impl Shown {
    pub(crate) fn of_text(text: &str) -> Self {
        let mut shown = Self::default();
        shown.read(text);
        shown
    }

    /// Returns the known lines of a file.
    pub(crate) fn of(&self, path: &str) -> Known {
        self.files.get(path).cloned().unwrap_or_default()
    }

    /// Takes in what a text shows: a path on a line of its own, below it headings and numbered lines.
    pub(crate) fn read(&mut self, text: &str) {
        let (mut path, mut is_open) = (String::new(), false);
        for line in text.split('\n') {
            if let Some((number, code)) = numbered(line) {
                if let Some(span) = self.spans.last_mut().filter(|span| is_open && span.holds((number, number))) {
                    span.lines.insert(number);
                }
                if code.chars().count() <= LONGEST {
                    self.files.entry(path.clone()).or_default().insert(number, code.to_owned());
                }
            } else if let Some((id, first, last)) = heading(line) {
                let lines = BTreeSet::new();
                self.spans.push(Span { path: path.clone(), id: id.to_owned(), first, last, lines });
                is_open = true;
            } else if !line.is_empty() && !line.contains(|c: char| c.is_whitespace() || c == '`') {
                (path, is_open) = (line.to_owned(), false);
            }
        }
    }

    /// Returns for each edit of a hunk that is not made the span that it is to be made in.
    ///
    /// What is put between two spans goes to the upper one. Where the hunk's lines are not shown, they are in a span of
    /// which some are left out.
    pub(crate) fn holding(&self, hunk: &Hunk, done: &BTreeSet<usize>) -> BTreeMap<usize, &Span> {
        let spans: Vec<&Span> = self.spans.iter().filter(|span| span.path == hunk.path).collect();
        let cut = spans.iter().copied().filter(|span| span.is_cut()).min_by_key(|span| span.distance(hunk.start));
        let least = if cut.is_some() { LEAST } else { 1 };
        let start = hunk.find(&self.of(&hunk.path), done, least);
        let mut found = BTreeMap::new();
        for number in hunk.edits.iter().map(|edit| edit.number).filter(|number| !done.contains(number)) {
            let place = start.map(|start| hunk.place(number, start, done));
            let held = place.and_then(|place| spans.iter().copied().find(|span| span.holds(place)));
            found.extend(held.or(cut).map(|span| (number, span)));
        }
        found
    }
}

/// Reads a numbered line.
pub(crate) fn numbered(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start_matches(' ');
    let (number, rest) = line.split_at(line.find(|c: char| !c.is_ascii_digit())?);
    let code = rest.strip_prefix("  ").or_else(|| rest.strip_prefix('\t'))?;
    Some((number.parse().ok()?, code))
}

/// Reads a line with one name between backquotes and after it a number, or the first and the last of some; nothing else
/// has a number.
pub(crate) fn heading(line: &str) -> Option<(&str, usize, usize)> {
    let mut parts = line.split('`');
    let (before, id, behind, more) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    if more.is_some() || id.is_empty() || before.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let numbers = behind.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let numbers: Vec<usize> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    match numbers.as_slice() {
        [line] => Some((id, *line, *line)),
        [first, last] => Some((id, *first, *last)),
        _ => None,
    }
}

/// Returns what is between pairs of tags that are lines of their own, from the first one's beginning to its last end,
/// and the text without them.
pub(crate) fn blocks(text: &str) -> (Vec<String>, String) {
    let lines: Vec<&str> = text.split('\n').collect();
    let (mut found, mut rest, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(line) = lines.get(at) {
        let name = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')).filter(|name| !name.starts_with('/'));
        let end = name.and_then(|name| lines.iter().rposition(|line| *line == format!("</{name}>")));
        match end.filter(|end| *end > at) {
            Some(end) => {
                found.push(lines[at + 1..end].join("\n"));
                at = end;
            }
            None => rest.push(*line),
        }
        at += 1;
    }
    (found, rest.join("\n"))
}
