//! What of a gold patch is distinctive.

use std::collections::BTreeSet;

use env_core::Patch;

use crate::search::{Edge, Search, is_word};

/// Characters that a line has at least, spaces aside.
const CHARACTERS: usize = 12;
/// Characters that two lines have at least, spaces aside.
const PAIR: usize = 24;
/// Words that a line has at least.
const WORDS: usize = 2;
/// Most texts that are looked for.
const MOST: usize = 20_000;

/// What of a gold patch is distinctive: lines that it adds, neighbours that it makes, and the texts in these.
#[derive(Debug, Clone, Default)]
pub struct Gold {
    /// Paths of the files that it leaves behind.
    pub(crate) files: Vec<String>,
    /// Lines that it adds, and those next to them.
    pub(crate) lines: Vec<Line>,
    pub(crate) texts: Vec<Text>,
}

/// A line of the new side of the patch.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its number in the patch, from 1.
    pub(crate) number: usize,
    text: String,
    is_added: bool,
}

/// A text that is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    edge: Edge,
    /// The lines that it is made of, by position.
    pub(crate) lines: Vec<usize>,
    /// Texts of one group are one text in several forms.
    pub(crate) group: usize,
}

/// How much of the gold patch a file shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Numbers of the patch's lines.
    pub(crate) lines: BTreeSet<usize>,
    /// Distinct words on them.
    pub(crate) words: usize,
    /// Characters on them, spaces aside.
    pub(crate) characters: usize,
    /// Whether lines stand next to each other as only the patch puts them.
    pub(crate) is_joined: bool,
}

impl Gold {
    /// Returns what of a patch is distinctive; nothing where there is no patch.
    pub fn new(patch: Option<&Patch>) -> Self {
        let Some(patch) = patch else { return Self::default() };
        let mut gold = Self::default();
        let mut previous: Option<(usize, bool)> = None;
        let mut is_cut = false;
        for (number, raw) in patch.0.lines().enumerate() {
            if let Some(path) = raw.strip_prefix("+++ ") {
                let path = path.split('\t').next().unwrap_or_default();
                gold.files.extend(path.strip_prefix("b/").filter(|path| !path.is_empty()).map(str::to_owned));
                previous = None;
                continue;
            }
            if raw.starts_with("--- ") || raw.starts_with("@@") || raw.starts_with("diff ") || raw.starts_with('\\') {
                previous = if raw.starts_with('\\') { previous } else { None };
                continue;
            }
            let is_added = match raw.as_bytes().first() {
                Some(b'-') => {
                    is_cut = true;
                    continue;
                }
                Some(b'+') => true,
                Some(b' ') => false,
                _ => {
                    previous = None;
                    continue;
                }
            };
            let text = raw.get(1..).unwrap_or_default().trim_end().to_owned();
            let at = gold.lines.len();
            gold.lines.push(Line { number: number + 1, text, is_added });
            gold.add_line(at);
            if let Some((before, was_added)) = previous
                && (is_added || was_added || is_cut)
            {
                gold.add_pair(before, at);
            }
            (previous, is_cut) = (Some((at, is_added)), false);
        }
        gold.texts.truncate(MOST);
        gold
    }

    fn add_line(&mut self, at: usize) {
        let Some(line) = self.lines.get(at).filter(|line| line.is_added).cloned() else { return };
        let text = line.text.trim();
        if solid(text) >= CHARACTERS && words(text).len() >= WORDS {
            self.add(text, vec![at]);
        }
        for constant in constants(text) {
            let group = self.texts.len();
            let bytes = constant.as_bytes().to_vec();
            self.texts.push(Text { bytes, edge: Edge::Length, lines: vec![at], group });
        }
    }

    /// Adds two lines that stand next to each other only after the patch.
    fn add_pair(&mut self, first: usize, second: usize) {
        let [Some(one), Some(other)] = [first, second].map(|at| self.lines.get(at).map(|line| line.text.clone()))
        else {
            return;
        };
        // Runs of spaces would stand at the start of half the lines of a file.
        let text = format!("{}\n{other}", one.trim_start());
        if !one.trim().is_empty() && !other.trim().is_empty() && solid(&text) >= PAIR && !words(&text).is_empty() {
            self.add(&text, vec![first, second]);
        }
    }

    /// Adds a text as it is and as JSON has it.
    fn add(&mut self, text: &str, lines: Vec<usize>) {
        let group = self.texts.len();
        let json = serde_json::to_string(text).unwrap_or_default();
        let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
        for form in BTreeSet::from([text.to_owned(), json]) {
            if form.len() >= Search::LEAST {
                self.texts.push(Text { bytes: form.into_bytes(), edge: Edge::Word, lines: lines.clone(), group });
            }
        }
    }

    /// Returns what is searched for: all texts, in their order.
    pub(crate) fn searched(&self) -> Vec<(Vec<u8>, Edge)> {
        self.texts.iter().map(|text| (text.bytes.clone(), text.edge)).collect()
    }

    /// Returns the texts of which a form is among these.
    pub(crate) fn groups(&self, hits: &BTreeSet<u16>) -> BTreeSet<usize> {
        hits.iter().filter_map(|hit| self.texts.get(usize::from(*hit))).map(|text| text.group).collect()
    }

    /// Returns the constants of byte code as sources have them, each with the group of its text.
    pub(crate) fn constants(&self) -> (Vec<(Vec<u8>, Edge)>, Vec<usize>) {
        let texts = self.texts.iter().filter(|text| text.edge == Edge::Length);
        texts.map(|text| ((text.bytes.clone(), Edge::Word), text.group)).unzip()
    }

    /// Returns what hits show of the patch, without the texts of which a form is in the base commit.
    pub(crate) fn shown(&self, hits: &BTreeSet<u16>, in_base: &BTreeSet<usize>) -> Shown {
        let texts = hits.iter().filter_map(|hit| self.texts.get(usize::from(*hit)));
        let texts: Vec<&Text> = texts.filter(|text| !in_base.contains(&text.group)).collect();
        let at: BTreeSet<usize> = texts.iter().flat_map(|text| text.lines.iter().copied()).collect();
        let lines: Vec<&Line> = at.iter().filter_map(|at| self.lines.get(*at)).collect();
        // Of a line of which only a constant was found, nothing else is shown.
        let whole = |at: &usize| texts.iter().any(|text| text.edge == Edge::Word && text.lines.contains(at));
        let is_part = |text: &&&Text| text.edge == Edge::Length && !text.lines.iter().any(whole);
        let constants: BTreeSet<&str> =
            texts.iter().filter(is_part).filter_map(|text| std::str::from_utf8(&text.bytes).ok()).collect();
        let whole = at.iter().filter(|at| whole(at)).filter_map(|at| self.lines.get(*at));
        let said: Vec<&str> = whole.map(|line| line.text.as_str()).chain(constants).collect();
        Shown {
            lines: lines.iter().filter(|line| line.is_added).map(|line| line.number).collect(),
            words: said.iter().flat_map(|text| words(text)).collect::<BTreeSet<_>>().len(),
            characters: said.iter().map(|text| solid(text)).sum(),
            is_joined: texts.iter().any(|text| text.lines.len() > 1),
        }
    }

    /// Returns how many lines the patch adds, and how many of these can be told from the base commit's.
    pub(crate) fn count(&self, in_base: &BTreeSet<usize>) -> (usize, usize) {
        let added = self.lines.iter().filter(|line| line.is_added).count();
        let used = self.texts.iter().filter(|text| !in_base.contains(&text.group)).flat_map(|text| &text.lines);
        let used: BTreeSet<usize> = used.copied().collect();
        (added, used.iter().filter(|at| self.lines.get(**at).is_some_and(|line| line.is_added)).count())
    }
}

/// Returns the characters that are no spaces.
fn solid(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

/// Returns the words of at least three letters that are none of Python's.
fn words(text: &str) -> BTreeSet<&str> {
    const KEYWORDS: [&str; 24] = [
        "and", "assert", "class", "def", "del", "elif", "else", "except", "False", "finally", "for", "from", "import",
        "None", "not", "pass", "raise", "return", "self", "True", "try", "with", "while", "yield",
    ];
    let pieces = text.split(|character: char| !character.is_alphanumeric() && character != '_');
    pieces.filter(|piece| piece.chars().count() >= 3 && !KEYWORDS.contains(piece)).collect()
}

/// Returns the texts between quotes, as the constants of byte code have them.
fn constants(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = rest.get(start..=start).unwrap_or_default();
        let inner = rest.get(start + 1..).unwrap_or_default();
        let Some(end) = inner.find(quote) else { break };
        let text = inner.get(..end).unwrap_or_default();
        if text.len() >= Search::LEAST && words(text).len() >= WORDS && !text.contains(['\\', '{', '%']) {
            found.push(text.to_owned());
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    // A new name stands in the byte code as well.
    let name = line.trim_start_matches("async ").strip_prefix("def ").or_else(|| line.strip_prefix("class "));
    let name = name.map(|rest| rest.bytes().take_while(|byte| is_word(*byte)).count()).and_then(|length| {
        let start = line.find("def ").map(|at| at + 4).or_else(|| line.find("class ").map(|at| at + 6))?;
        line.get(start..start + length)
    });
    // Those that Python gives a meaning stand in all byte code.
    let is_own = |name: &&str| name.len() >= Search::LEAST && !(name.starts_with("__") && name.ends_with("__"));
    found.extend(name.filter(is_own).map(str::to_owned));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n@@ -1,5 +1,6 @@\n \
                         def open(name):\n+    if not name:\n+        raise ValueError(\"'name' may not be empty.\")\n     \
                         handle = first(name)\n-    handle.close()\n     return handle\n";

    fn shown(text: &str) -> Shown {
        let gold = Gold::new(Some(&Patch(PATCH.to_owned())));
        let mut hits = BTreeSet::new();
        Search::new(gold.searched()).find(text.as_bytes(), true, &mut hits);
        gold.shown(&hits, &BTreeSet::new())
    }

    #[test]
    fn lines_are_known_in_code_in_json_and_in_byte_code() {
        let code = "    if not name:\n        raise ValueError(\"'name' may not be empty.\")\n";
        assert_eq!(shown(code).lines, BTreeSet::from([6, 7]));
        let json = serde_json::to_string(PATCH).unwrap();
        assert_eq!(shown(&json).lines, BTreeSet::from([7]));
        assert_eq!(shown("\x17'name' may not be empty.\0").lines, BTreeSet::new(), "of another length");
        assert_eq!(shown("\x18'name' may not be empty.\0").lines, BTreeSet::from([7]));
    }

    #[test]
    fn what_goes_makes_new_neighbours() {
        let after = shown("    handle = first(name)\n    return handle\n");
        assert!(after.is_joined && after.lines.is_empty(), "{after:?}");
        assert_eq!(shown("    handle = first(name)\n    handle.close()\n    return handle\n"), Shown::default());
    }

    #[test]
    fn a_name_in_byte_code_shows_itself_alone() {
        assert_eq!(constants("def __init__(self, a, b):"), [] as [String; 0]);
        let patch = "+++ b/app.py\n@@ -1,0 +1,1 @@\n+def close_all(first_handle, second_handle, third_handle):\n";
        let gold = Gold::new(Some(&Patch(patch.to_owned())));
        let mut hits = BTreeSet::new();
        Search::new(gold.searched()).find(b"z\x09close_all\0", true, &mut hits);
        let shown = gold.shown(&hits, &BTreeSet::new());
        assert_eq!((shown.words, shown.characters), (1, 9), "{shown:?}");
    }

    #[test]
    fn short_and_common_lines_are_none() {
        assert_eq!(shown("if not name:\n"), Shown::default());
    }
}
