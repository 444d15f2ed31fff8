//! A gold patch as what it changes, and where that is in a file of which some lines are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// Names of files that no test reads end so: documentation, changelogs.
const LEFT_OUT: [&str; 3] = [".md", ".rst", ".txt"];

/// The lines of a file that are known, by their numbers.
pub(crate) type Known = BTreeMap<usize, String>;

/// Some lines of the old text become others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) old: Range<usize>,
    pub(crate) lines: Vec<String>,
}

/// One change of a hunk, counted over the whole patch from 1.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) number: usize,
    pub(crate) change: Change,
}

/// Some lines of a file, and what changes in them; a change's lines are counted from the hunk's first.
#[derive(Debug, Clone)]
pub(crate) struct Hunk {
    pub(crate) path: String,
    pub(crate) start: usize,
    pub(crate) old: Vec<String>,
    pub(crate) edits: Vec<Edit>,
}

/// A new file, and the number of its change.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    pub(crate) path: String,
    pub(crate) number: usize,
    pub(crate) text: String,
}

/// What a gold patch changes: hunks of files that are there, and new files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gold {
    pub(crate) hunks: Vec<Hunk>,
    pub(crate) created: Vec<Created>,
}

impl Hunk {
    /// Returns the hunk's lines once some of the edits are made.
    pub(crate) fn now(&self, done: &BTreeSet<usize>) -> Vec<String> {
        let (mut lines, mut at) = (Vec::new(), 0);
        for edit in &self.edits {
            lines.extend_from_slice(&self.old[at..edit.change.old.start]);
            at = edit.change.old.start;
            if done.contains(&edit.number) {
                lines.extend_from_slice(&edit.change.lines);
                at = edit.change.old.end;
            }
        }
        lines.extend_from_slice(&self.old[at..]);
        lines
    }

    /// Returns all edits as one.
    pub(crate) fn whole(&self) -> Change {
        let (first, last) = (&self.edits[0].change.old, &self.edits[self.edits.len() - 1].change.old);
        let lines = self.now(&self.edits.iter().map(|edit| edit.number).collect());
        let end = lines.len() - (self.old.len() - last.end);
        Change { old: first.start..last.end, lines: lines[first.start..end].to_vec() }
    }

    /// Returns the first and the last line that an edit touches when its hunk begins at `start`; empty ones aside.
    ///
    /// An insertion touches the line before it, or the one after where that is empty.
    pub(crate) fn place(&self, number: usize, start: usize, done: &BTreeSet<usize>) -> (usize, usize) {
        let change = &self.edit(number).change;
        let touched = if change.old.is_empty() {
            change.old.start.saturating_sub(1)..change.old.start
        } else {
            change.old.clone()
        };
        let filled: Vec<usize> = touched.filter(|at| self.old.get(*at).is_some_and(|line| !is_blank(line))).collect();
        let first = filled.first().copied().unwrap_or(change.old.start);
        let last = filled.last().copied().unwrap_or(change.old.start);
        (self.moved(start + first, number, done), self.moved(start + last, number, done))
    }

    pub(crate) fn edit(&self, number: usize) -> &Edit {
        self.edits.iter().find(|edit| edit.number == number).unwrap()
    }

    /// Returns where a line before an edit is once the edits above it are made.
    fn moved(&self, line: usize, number: usize, done: &BTreeSet<usize>) -> usize {
        let above = self.edits.iter().filter(|edit| done.contains(&edit.number) && edit.number < number);
        above.fold(line, |line, edit| line + edit.change.lines.len() - edit.change.old.len())
    }

    /// Returns the number of the file's line at which the hunk stands, out of the lines that are known.
    ///
    /// At least so many lines must be known, as far as the hunk has them. Of places that are as good as one another it
    /// is the nearest to where the patch says.
    pub(crate) fn find(&self, known: &Known, done: &BTreeSet<usize>, least: usize) -> Option<usize> {
        let lines: Vec<String> = self.now(done).iter().map(|line| line.trim_end().to_owned()).collect();
        let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, line) in known {
            numbers.entry(line.trim_end()).or_default().push(*number);
        }
        let filled = lines.iter().filter(|line| !line.is_empty()).count();
        let starts: BTreeSet<usize> = (0..)
            .zip(&lines)
            .filter(|(_, line)| !line.is_empty())
            .flat_map(|(at, line)| {
                numbers.get(line.as_str()).into_iter().flatten().filter_map(move |number| number.checked_sub(at))
            })
            .collect();
        let scored: Vec<(usize, usize)> =
            starts.into_iter().map(|start| (score(&lines, start, known), start)).collect();
        let best = scored.iter().map(|(score, _)| *score).max()?;
        if best < least.min(filled).max(1) {
            return None;
        }
        let starts = scored.iter().filter(|(score, _)| *score == best).map(|(_, start)| *start);
        starts.min_by_key(|start| start.abs_diff(self.start))
    }
}

/// Returns how many lines are known and the same, empty ones aside; 0 where one differs.
fn score(lines: &[String], start: usize, known: &Known) -> usize {
    let mut same = 0;
    for (number, line) in (start..).zip(lines) {
        match known.get(&number) {
            Some(there) if there.trim_end() != line => return 0,
            Some(_) if !line.is_empty() => same += 1,
            _ => {}
        }
    }
    same
}

pub(crate) fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

impl Gold {
    /// Reads a patch; files that no test reads are left out.
    pub(crate) fn parse(patch: &str) -> Self {
        let mut gold = Self::default();
        for file in patch.split("\ndiff --git ").filter(|file| file.contains("@@ ")) {
            let named = |mark: &str| {
                file.lines().find_map(|line| line.strip_prefix(mark)).map(|name| name.trim_end_matches('\t'))
            };
            let target = named("+++ ").unwrap_or_default();
            assert!(!target.is_empty() && target != "/dev/null", "neither a change nor a new file: {file}");
            let path = target.strip_prefix("b/").unwrap_or(target);
            if LEFT_OUT.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            for (start, body) in hunks(file) {
                let number = gold.count() + 1;
                if named("--- ") == Some("/dev/null") {
                    let text =
                        body.iter().filter_map(|line| line.strip_prefix('+')).map(|line| format!("{line}\n")).collect();
                    gold.created.push(Created { path: path.to_owned(), number, text });
                } else {
                    gold.hunks.push(hunk(path, start, &body, number));
                }
            }
        }
        gold
    }

    /// Returns the number of changes.
    pub(crate) fn count(&self) -> usize {
        self.hunks.iter().map(|hunk| hunk.edits.len()).sum::<usize>() + self.created.len()
    }

    /// Returns the files that are changed, in the order of the patch.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.hunks.iter().map(|hunk| hunk.path.as_str()).collect();
        paths.dedup();
        paths
    }

    pub(crate) fn of<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Hunk> {
        self.hunks.iter().filter(move |hunk| hunk.path == path)
    }

    /// Returns each line that is taken out or put in, with its file, in an order of their own.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut found = Vec::new();
        for hunk in &self.hunks {
            for Edit { change, .. } in &hunk.edits {
                found.extend(hunk.old[change.old.clone()].iter().map(|line| format!("{}: -{line}", hunk.path)));
                found.extend(change.lines.iter().map(|line| format!("{}: +{line}", hunk.path)));
            }
        }
        for created in &self.created {
            found.extend(created.text.lines().map(|line| format!("{}: +{line}", created.path)));
        }
        found.sort();
        found
    }
}

/// Returns the first old line and the body of each hunk of a file.
fn hunks(file: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    let mut lines = file.split('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("@@ -") else { continue };
        let mut numbers = head.split([' ', '+']).filter(|part| !part.is_empty()).map(range);
        let ((start, mut old), (_, mut new)) = (numbers.next().unwrap(), numbers.next().unwrap());
        let mut body = Vec::new();
        while old + new > 0 || lines.peek().is_some_and(|line| line.starts_with('\\')) {
            let line = lines.next().unwrap();
            old -= usize::from(!line.starts_with(['+', '\\']));
            new -= usize::from(!line.starts_with(['-', '\\']));
            body.push(line);
        }
        found.push((start, body));
    }
    found
}

/// Reads `start,count`, of which the count may be left out.
fn range(text: &str) -> (usize, usize) {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    (start.parse().unwrap(), count.parse().unwrap())
}

/// Reads a hunk whose first change has a number.
fn hunk(path: &str, start: usize, body: &[&str], number: usize) -> Hunk {
    let (mut old, mut changes, mut is_open): (Vec<String>, Vec<Change>, bool) = (Vec::new(), Vec::new(), false);
    for line in body.iter().filter(|line| !line.starts_with('\\')) {
        let text = line.get(1..).unwrap_or_default().to_owned();
        let is_change = line.starts_with(['+', '-']);
        if is_change && !is_open {
            changes.push(Change { old: old.len()..old.len(), lines: Vec::new() });
        }
        is_open = is_change;
        match changes.last_mut() {
            Some(change) if line.starts_with('+') => change.lines.push(text),
            Some(change) if line.starts_with('-') => {
                old.push(text);
                change.old.end = old.len();
            }
            _ => old.push(text),
        }
    }
    let edits = (number..).zip(changes).map(|(number, change)| Edit { number, change: beside_code(change, &old) });
    Hunk { path: path.to_owned(), start, edits: edits.collect(), old }
}

/// Returns an insertion moved to below a line of code, where the same comes out of it.
fn beside_code(mut change: Change, old: &[String]) -> Change {
    let Range { start, end } = change.old;
    let above = start.checked_sub(1).and_then(|at| old.get(at)).filter(|line| is_blank(line));
    if start == end && above.is_some() && above == change.lines.last() {
        change.lines.rotate_right(1);
        return beside_code(Change { old: start - 1..start - 1, ..change }, old);
    }
    change
}
