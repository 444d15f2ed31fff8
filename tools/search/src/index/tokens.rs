//! Words of code and prose, the same for what is indexed and what is asked for.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are data, not names.
const LONGEST: usize = 64;

/// Words that say nothing about a piece of code, in their folded form.
const STOP_WORDS: &str = "
self cls def class return import from if elif else for while in is not and or none true false null nil pass raise try
except finally with as lambda yield del global assert break continue async await fn let mut pub impl use mod func
function const static void var public private protected final this super throw catch switch case default struct
the an of to it be are was were will would can could should do doe did has have had by on at that thi these those
there then than when which what who how why we you they i my your our their its but so just also any some such
";

/// Cuts texts into words: identifiers whole and split by underscore and case, folded in case and number.
#[derive(Clone)]
pub(crate) struct CodeTokenizer {
    stop_words: Arc<FxHashSet<&'static str>>,
}

impl CodeTokenizer {
    pub(crate) fn new() -> Self {
        Self { stop_words: Arc::new(STOP_WORDS.split_whitespace().collect()) }
    }

    /// Calls `each` with every word of `text`, and what it is.
    pub(crate) fn words(&self, text: &str, mut each: impl FnMut(&str, WordKind)) {
        let mut stream = self.stream(text);
        while stream.advance() {
            each(&stream.token.text, stream.kind);
        }
    }

    /// Returns the words of `text`.
    #[cfg(test)]
    pub(crate) fn list(&self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        self.words(text, |word, _| words.push(word.to_owned()));
        words
    }

    fn stream<'a>(&'a self, text: &'a str) -> CodeTokenStream<'a> {
        let token = Token { position: usize::MAX, ..Token::default() };
        CodeTokenStream { stop_words: &self.stop_words, text, at: 0, parts: 0..0, kind: WordKind::Plain, token }
    }
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// A word of one part.
    Plain,
    /// An identifier of several parts.
    Whole,
    /// A part of such an identifier.
    Part,
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = CodeTokenStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> CodeTokenStream<'a> {
        self.stream(text)
    }
}

/// The words of one text.
pub(crate) struct CodeTokenStream<'a> {
    stop_words: &'a FxHashSet<&'static str>,
    text: &'a str,
    at: usize,
    /// What is left to split of the identifier that was last returned whole.
    parts: Range<usize>,
    kind: WordKind,
    token: Token,
}

impl TokenStream for CodeTokenStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            let range = match self.next_part() {
                Some(part) => {
                    self.kind = WordKind::Part;
                    part
                }
                None => match self.next_word() {
                    Some(word) => {
                        self.kind = if self.parts.is_empty() { WordKind::Plain } else { WordKind::Whole };
                        word
                    }
                    None => return false,
                },
            };
            if self.take(range) {
                return true;
            }
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

impl CodeTokenStream<'_> {
    /// Returns the next identifier without the underscores around it, and notes its parts when it has several.
    fn next_word(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = self.at + bytes.get(self.at..)?.iter().position(|byte| is_word(*byte))?;
        let rest = bytes.get(start..)?;
        let end = start + rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        self.at = end;
        let word = self.text.get(start..end)?;
        let trimmed = word.trim_matches('_');
        let start = start + (word.len() - word.trim_start_matches('_').len());
        let word = start..start + trimmed.len();
        if part_end(trimmed.as_bytes()) < trimmed.len() {
            self.parts = word.clone();
        }
        Some(word)
    }

    fn next_part(&mut self) -> Option<Range<usize>> {
        let left = self.text.as_bytes().get(self.parts.clone()).filter(|left| !left.is_empty())?;
        let length = part_end(left);
        let part = self.parts.start..self.parts.start + length;
        let skip = left.iter().skip(length).take_while(|byte| **byte == b'_').count();
        self.parts.start += length + skip;
        Some(part)
    }

    /// Makes a range the current token; returns whether it is one worth having.
    fn take(&mut self, range: Range<usize>) -> bool {
        let Some(word) = self.text.get(range.clone()) else { return false };
        if word.len() < 2 || word.len() > LONGEST || word.bytes().all(|byte| byte.is_ascii_digit()) && word.len() < 3 {
            return false;
        }
        let text = &mut self.token.text;
        text.clear();
        if word.is_ascii() {
            text.push_str(word);
            text.make_ascii_lowercase();
        } else {
            text.extend(word.chars().flat_map(char::to_lowercase));
        }
        singular(text);
        if self.stop_words.contains(text.as_str()) {
            return false;
        }
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (range.start, range.end);
        true
    }
}

/// Bytes of other scripts are letters, too.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Returns where the first part of an identifier ends: at an underscore, or where the case says that a word begins.
fn part_end(word: &[u8]) -> usize {
    let mut before = (0, 0);
    for (index, byte) in word.iter().enumerate() {
        let (last, second_last): (u8, u8) = before;
        let hump = byte.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit());
        if *byte == b'_' || hump {
            return index;
        }
        // `HTTPServer` is `HTTP` and `Server`.
        if byte.is_ascii_lowercase() && last.is_ascii_uppercase() && second_last.is_ascii_uppercase() {
            return index - 1;
        }
        before = (*byte, last);
    }
    word.len()
}

/// Folds the plural of an English word into its singular.
fn singular(word: &mut String) {
    let cut = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if word.len() < 4 || !word.ends_with('s') || cut(&["ss", "us", "is"]) {
        return;
    }
    if cut(&["ies"]) {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if cut(&["sses", "ches", "shes", "xes"]) {
        word.truncate(word.len() - 2);
    } else {
        word.truncate(word.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&CodeTokenizer::new().list(text).join(" "));
    }

    #[test]
    fn identifiers_are_kept_whole_and_split() {
        check(
            "QuerySet.get_or_create(HTTPServer2)",
            expect!["queryset query set get_or_create get create httpserver2 http server2"],
        );
    }

    #[test]
    fn case_number_and_outer_underscores_are_folded() {
        check("__init__ _Matrices queries boxes class status", expect!["init matrice query box status"]);
    }

    #[test]
    fn other_scripts_and_data_are_no_trouble() {
        let long = "x".repeat(70);
        check(&format!("größe_Ä été {long} 12 404 a"), expect!["größe_ä größe ä été 404"]);
    }
}
