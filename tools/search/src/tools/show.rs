//! What an answer looks like.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::cut::span::{Outline, Span, SpanKind};
use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::rank::request::Found;
use crate::rank::symbols::Place;

/// Bytes that make a token, by rule of thumb.
const TOKEN: usize = 4;
/// Files named after those that are shown.
const MORE: usize = 30;
/// Characters of the longest line that is shown whole.
const LONGEST: usize = 300;

/// Text that grows up to a number of tokens.
pub(crate) struct Budget {
    text: String,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(tokens: usize) -> Self {
        Self { text: String::new(), bytes: tokens.saturating_mul(TOKEN) }
    }

    /// Adds a part if it fits.
    pub(crate) fn push(&mut self, part: &str) -> bool {
        let fits = self.text.len() + part.len() <= self.bytes;
        if fits {
            self.text.push_str(part);
        }
        fits
    }

    /// Adds parts until one does not fit, and then a line that says how many more there are, for which there is always
    /// room.
    pub(crate) fn list(&mut self, parts: impl ExactSizeIterator<Item = String>, more: impl Fn(usize) -> String) {
        let count = parts.len();
        for (at, part) in parts.enumerate() {
            if !self.push(&part) {
                self.tell(&more(count - at));
                return;
            }
        }
    }

    /// Adds a line for which there is always room.
    pub(crate) fn tell(&mut self, line: &str) {
        self.text.push_str(line);
    }

    /// Returns the text.
    pub(crate) fn end(self) -> String {
        self.text
    }
}

impl CodeIndex {
    /// Returns what was found as text: the files in the order of their rank with the code of their spans, cut to a
    /// number of tokens, and the names of those that do not fit.
    ///
    /// # Errors
    /// When the index itself failed.
    pub fn render(&self, found: &Found, max_tokens: usize, max_lines: usize) -> Result<String, SearchError> {
        if found.files.is_empty() {
            return Ok(format!("Nothing was found.{}\n", did_you_mean(&found.did_you_mean)));
        }
        let mut budget = Budget::new(max_tokens);
        let mut rest = found.files.len();
        'files: for file in &found.files {
            let Some((_, text)) = self.file(&file.path)? else { continue };
            let mut heading = format!("{}\n", file.path);
            for found in &file.spans {
                let part = heading.clone() + &code(&found.span, &text, max_lines);
                if !budget.push(&part) {
                    break 'files;
                }
                heading.clear();
            }
            if file.spans.is_empty() && !budget.push(&heading) {
                break;
            }
            rest -= 1;
        }
        let left: Vec<&str> = found.files.iter().rev().take(rest).rev().map(|file| file.path.as_str()).collect();
        budget.tell(&others(&left));
        Ok(budget.end())
    }
}

/// Returns a question for what is not there, to be put behind a sentence.
pub(crate) fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" Did you mean `{}`?", names.join("`, `")) }
}

fn others(paths: &[&str]) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let shown = paths.iter().take(MORE).map(|path| format!("  {path}\n")).collect::<String>();
    let more = paths.len().saturating_sub(MORE);
    let more = if more > 0 { format!("  (and {more} more)\n") } else { String::new() };
    format!("Also found, not shown in full for lack of room:\n{shown}{more}")
}

/// Returns the heading of a span.
fn heading(span: &Span) -> String {
    let lines = if span.start == span.end {
        format!("line {}", span.start)
    } else {
        format!("lines {}-{}", span.start, span.end)
    };
    format!("  span `{}`, {lines}\n", span.id)
}

fn numbered(lines: impl Iterator<Item = (u32, impl AsRef<str>)>) -> String {
    let mut text = String::new();
    for (number, line) in lines {
        let _ = writeln!(text, "{number:>6}  {}", clipped(line.as_ref().trim_end()));
    }
    text
}

/// Returns a line without the end of an overlong one.
fn clipped(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => {
            let (shown, rest) = line.split_at(at);
            Cow::Owned(format!("{shown}… ({} more characters)", rest.chars().count()))
        }
        None => Cow::Borrowed(line),
    }
}

/// Returns a span's lines with their numbers, the later ones left out where there are too many.
pub(crate) fn code(span: &Span, text: &str, max_lines: usize) -> String {
    let count = span.lines(text).count();
    let mut shown = heading(span) + &numbered(span.lines(text).take(max_lines));
    if count > max_lines {
        let _ = writeln!(shown, "        ({} more lines)", count - max_lines);
    }
    shown
}

/// Returns the signature of a span alone.
pub(crate) fn signature(span: &Span, text: &str) -> String {
    let lines = span.lines(text).filter(|(number, _)| (span.signature..=span.signature_end).contains(number));
    heading(span) + &numbered(lines)
}

/// Returns every span of a file by its first lines.
pub(crate) fn outline(path: &str, outline: &Outline, text: &str, max_tokens: usize) -> String {
    let mut budget = Budget::new(max_tokens);
    let remark = if outline.has_errors { ", with syntax errors" } else { "" };
    budget.push(&format!("{path} ({} lines{remark}), the spans and their signatures:\n", outline.lines));
    let parts = outline.spans.iter().map(|span| match span.kind {
        SpanKind::Class | SpanKind::Function | SpanKind::Method => signature(span, text),
        SpanKind::Module | SpanKind::Docstring | SpanKind::Imports => heading(span),
    });
    budget.list(parts, |more| format!("({more} more spans)\n"));
    budget.end()
}

/// Adds places with their lines.
pub(crate) fn places(title: &str, places: &[Place], budget: &mut Budget) {
    let parts = places.iter().enumerate().map(|(at, place)| {
        let same =
            at.checked_sub(1).and_then(|before| places.get(before)).is_some_and(|other| other.path == place.path);
        let file = if same { String::new() } else { format!("{}\n", place.path) };
        file + &heading(&place.span) + &numbered(place.lines.iter().map(|(number, line)| (*number, line)))
    });
    budget.tell(&format!("{title} ({}):\n", places.len()));
    budget.list(parts, |more| format!("({more} more)\n"));
}
