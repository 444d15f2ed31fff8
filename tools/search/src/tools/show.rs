//! What an answer looks like.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::json;
use tool_core::Texts;

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
    pub fn render(
        &self,
        found: &Found,
        max_tokens: usize,
        max_lines: usize,
        texts: &dyn Texts,
    ) -> Result<String, SearchError> {
        if found.files.is_empty() {
            let values = json!({ "hint": did_you_mean(&found.did_you_mean, texts) });
            return Ok(texts.render("search/nothing_found", values) + "\n");
        }
        let mut budget = Budget::new(max_tokens);
        let mut rest = found.files.len();
        'files: for file in &found.files {
            let Some((_, text)) = self.file(&file.path)? else { continue };
            let mut heading = format!("{}\n", file.path);
            for found in &file.spans {
                let part = heading.clone() + &code(&found.span, &text, max_lines, texts);
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
        budget.tell(&others(&left, texts));
        Ok(budget.end())
    }
}

/// Returns a question for what is not there, to be put after a sentence.
pub(crate) fn did_you_mean(names: &[String], texts: &dyn Texts) -> String {
    if names.is_empty() { String::new() } else { texts.render("search/hint_names", json!({ "names": names })) }
}

fn others(paths: &[&str], texts: &dyn Texts) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let shown = paths.iter().take(MORE).map(|path| format!("  {path}\n")).collect::<String>();
    let more = match paths.len().saturating_sub(MORE) {
        0 => String::new(),
        more => texts.render("search/others_more", json!({ "more": more })) + "\n",
    };
    format!("{}\n{shown}{more}", texts.plain("search/others"))
}

/// Returns the heading of a span.
fn heading(span: &Span, texts: &dyn Texts) -> String {
    let name = if span.start == span.end { "search/span_of_line" } else { "search/span" };
    texts.render(name, json!({ "id": span.id, "start": span.start, "end": span.end })) + "\n"
}

fn numbered(lines: impl Iterator<Item = (u32, impl AsRef<str>)>, texts: &dyn Texts) -> String {
    let mut text = String::new();
    for (number, line) in lines {
        let _ = writeln!(text, "{number:>6}  {}", clipped(line.as_ref().trim_end(), texts));
    }
    text
}

/// Returns a line without the end of an overlong one.
fn clipped<'a>(line: &'a str, texts: &dyn Texts) -> Cow<'a, str> {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => {
            let (shown, rest) = line.split_at(at);
            let values = json!({ "shown": shown, "more": rest.chars().count() });
            Cow::Owned(texts.render("search/clipped_line", values))
        }
        None => Cow::Borrowed(line),
    }
}

/// Returns a span's lines with their numbers, the later ones left out where there are too many.
pub(crate) fn code(span: &Span, text: &str, max_lines: usize, texts: &dyn Texts) -> String {
    let count = span.lines(text).count();
    let mut shown = heading(span, texts) + &numbered(span.lines(text).take(max_lines), texts);
    if count > max_lines {
        shown.push_str(&texts.render("search/more_lines", json!({ "more": count - max_lines })));
        shown.push('\n');
    }
    shown
}

/// Returns the signature of a span alone.
pub(crate) fn signature(span: &Span, text: &str, texts: &dyn Texts) -> String {
    let lines = span.lines(text).filter(|(number, _)| (span.signature..=span.signature_end).contains(number));
    heading(span, texts) + &numbered(lines, texts)
}

/// Returns every span of a file by its first lines.
pub(crate) fn outline(path: &str, outline: &Outline, text: &str, max_tokens: usize, texts: &dyn Texts) -> String {
    let mut budget = Budget::new(max_tokens);
    let values = json!({ "path": path, "lines": outline.lines, "broken": outline.has_errors });
    budget.push(&(texts.render("search/outline", values) + "\n"));
    let parts = outline.spans.iter().map(|span| match span.kind {
        SpanKind::Class | SpanKind::Function | SpanKind::Method => signature(span, text, texts),
        SpanKind::Module | SpanKind::Docstring | SpanKind::Imports => heading(span, texts),
    });
    budget.list(parts, |more| texts.render("search/more_spans", json!({ "more": more })) + "\n");
    budget.end()
}

/// Adds places with their lines, below the title of this name.
pub(crate) fn places(title: &str, places: &[Place], budget: &mut Budget, texts: &dyn Texts) {
    let parts = places.iter().enumerate().map(|(at, place)| {
        let same =
            at.checked_sub(1).and_then(|before| places.get(before)).is_some_and(|other| other.path == place.path);
        let file = if same { String::new() } else { format!("{}\n", place.path) };
        let lines = place.lines.iter().map(|(number, line)| (*number, line));
        file + &heading(&place.span, texts) + &numbered(lines, texts)
    });
    budget.tell(&(texts.render(title, json!({ "count": places.len() })) + "\n"));
    budget.list(parts, |more| texts.render("search/more", json!({ "more": more })) + "\n");
}
