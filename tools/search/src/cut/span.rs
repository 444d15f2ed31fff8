//! A file's spans.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::cut::notebook::{BREAK, CELL};

/// What a file consists of: spans one below the other, each of whole lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The language's name; empty for text that is not cut.
    pub language: String,
    /// Number of lines.
    pub lines: u32,
    /// Whether the grammar found errors; what is around them is still cut.
    pub has_errors: bool,
    /// The spans in the order of lines.
    pub spans: Vec<Span>,
}

/// A part of a file that belongs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The id in its file: the dotted path of the definition, or `imports`, `docstring` and `impl` for what is outside
    /// of one; `:2` and so on for further parts of the same.
    pub id: String,
    /// What it is.
    pub kind: SpanKind,
    /// First line, counted from 1.
    pub start: u32,
    /// Last line.
    pub end: u32,
    /// First line of the signature, below comments and decorators.
    pub signature: u32,
    /// Last line of the signature.
    pub signature_end: u32,
}

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// Code of the module outside of definitions.
    Module,
    /// The module's docstring.
    Docstring,
    /// Imports of the module.
    Imports,
    /// A class, or what the language has in its place, without the definitions in it.
    Class,
    /// A function, with all that is in it.
    Function,
    /// A function of a class.
    Method,
}

impl Outline {
    /// Adds the outline of the next part of the file. `used` is how often each id was given, for those to come.
    pub(crate) fn append(&mut self, part: Self, used: &mut FxHashMap<String, usize>) {
        for mut span in part.spans {
            let path = span.path().len();
            span.id.truncate(path);
            match used.get_mut(&span.id) {
                Some(count) => {
                    *count += 1;
                    span.id = format!("{}:{count}", span.id);
                }
                None => drop(used.insert(span.id.clone(), 1)),
            }
            for line in [&mut span.start, &mut span.end, &mut span.signature, &mut span.signature_end] {
                *line += self.lines;
            }
            self.spans.push(span);
        }
        self.language = part.language;
        self.lines += part.lines;
        self.has_errors |= part.has_errors;
    }

    /// Returns the span with an id.
    pub fn span(&self, id: &str) -> Option<&Span> {
        self.spans.iter().find(|span| span.id == id)
    }
}

impl Span {
    /// Returns the dotted path of the definition, without the number of the part.
    pub fn path(&self) -> &str {
        self.id.split(':').next().unwrap_or_default()
    }

    /// Returns the span as it is without so many lines above it.
    pub(crate) fn above(self, lines: u32) -> Self {
        Self {
            start: self.start - lines,
            end: self.end - lines,
            signature: self.signature - lines,
            signature_end: self.signature_end - lines,
            ..self
        }
    }

    /// Returns the span's lines of its file's text, each with its number. In a notebook several lines of code may be on
    /// one line of the file.
    pub fn lines<'a>(&self, text: &'a str) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        let (start, end) = (self.start, self.end);
        let from = text.lines().skip((start as usize).saturating_sub(1));
        let is_code = text.starts_with(CELL);
        (start..=end).zip(from).flat_map(move |(number, line)| {
            // No line has a line end in it.
            let parts = line.split(if is_code { BREAK } else { '\n' });
            parts.map(move |part| (number, if is_code { part.trim_matches(CELL) } else { part }))
        })
    }
}
