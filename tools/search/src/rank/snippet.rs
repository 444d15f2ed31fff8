//! Exact code, white space aside.

use std::collections::HashMap;
use std::ops::Range;

use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::index::schema::RANKED;
use crate::index::tokens::WordKind;
use crate::index::view::{DocId, FileId};

/// Words by which the files are picked that are read.
const WORDS: usize = 12;

impl CodeIndex {
    /// Returns the spans of the admitted files that a snippet of code touches.
    pub(crate) fn with_snippet(
        &self,
        snippet: &str,
        admitted: impl Fn(FileId) -> bool,
    ) -> Result<Vec<DocId>, SearchError> {
        let wanted = squeeze(snippet);
        let mut found = Vec::new();
        for file in self.candidates(snippet)? {
            if !admitted(file) {
                continue;
            }
            let matches = matches(&self.view.text(file)?, &wanted);
            if matches.is_empty() {
                continue;
            }
            let (outline, docs) = self.view.outline(file)?;
            for lines in matches {
                let touched = outline.spans.iter().zip(&docs);
                let touched = touched.filter(|(span, _)| span.start < lines.end && span.end >= lines.start);
                found.extend(touched.map(|(_, doc)| *doc));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Returns the files that have every word of a snippet; its first and last may be parts of longer ones.
    fn candidates(&self, snippet: &str) -> Result<Vec<FileId>, SearchError> {
        let words = inner_words(snippet, |text, each| self.fields.tokenizer.words(text, each));
        if words.is_empty() {
            return Ok(self.view.files().to_vec());
        }
        let mut counts: HashMap<FileId, usize> = HashMap::new();
        for (seen, word) in words.iter().enumerate() {
            for layer in self.view.layers() {
                for field in 0..RANKED {
                    layer.pack.postings(field, word, |doc, _, _| {
                        let Some(file) = layer.owner(layer.pack.unit_of(doc)) else { return };
                        let count = counts.entry(file).or_default();
                        if *count == seen {
                            *count += 1;
                        }
                    })?;
                }
            }
            counts.retain(|_, count| *count == seen + 1);
        }
        Ok(self.view.files().iter().copied().filter(|file| counts.contains_key(file)).collect())
    }
}

/// Returns the whole words of a snippet, but for the outermost ones.
fn inner_words(snippet: &str, words: impl Fn(&str, &mut dyn FnMut(&str, WordKind))) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let trimmed = snippet.trim();
    let inner = trimmed.trim_start_matches(is_word).trim_end_matches(is_word);
    let mut found: Vec<String> = Vec::new();
    words(inner, &mut |word, kind| {
        if kind != WordKind::Part && !found.iter().any(|other| other == word) {
            found.push(word.to_owned());
        }
    });
    // Long words are rare ones.
    found.sort_by_key(|word| std::cmp::Reverse(word.len()));
    found.truncate(WORDS);
    found
}

fn squeeze(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

/// Returns the lines of each match, the last one excluded.
fn matches(text: &str, wanted: &[u8]) -> Vec<Range<u32>> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let squeezed = squeeze(text);
    let starts: Vec<usize> = memchr::memmem::find_iter(&squeezed, wanted).collect();
    let ends = starts.iter().map(|start| start + wanted.len() - 1);
    let lines = lines_of(text, starts.iter().copied().zip(ends).flat_map(|(start, end)| [start, end]));
    lines.chunks_exact(2).filter_map(|pair| Some(*pair.first()?..*pair.last()? + 1)).collect()
}

/// Returns the line of each of some places in the squeezed text, which are in order.
fn lines_of(text: &str, places: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut places = places.peekable();
    let (mut line, mut at, mut lines) = (1, 0, Vec::new());
    for byte in text.bytes() {
        if byte == b'\n' {
            line += 1;
        } else if !byte.is_ascii_whitespace() {
            while places.next_if_eq(&at).is_some() {
                lines.push(line);
            }
            at += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_matter() {
        let text = "a = 1\nfoo(\n    b,\n    c)\n\nfoo(b, c)\n";
        assert_eq!(matches(text, &squeeze("foo( b,c )")), [2..5, 6..7]);
        assert_eq!(matches(text, &squeeze("foo(d)")), []);
        assert_eq!(matches(text, b""), []);
    }
}
