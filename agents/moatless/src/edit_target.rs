//! A place in the code that is to be changed.

use serde_json::json;
use tool_core::Texts;

/// Bytes that make a token, by rule of thumb.
pub(crate) const TOKEN: usize = 4;

/// A place in the code that is to be changed, and how.
#[derive(Debug, Clone)]
pub struct EditTarget {
    /// The file, relative to the repository.
    pub(crate) path: String,
    /// The span's id; empty for a file that is to be created.
    pub(crate) span: String,
    /// The lines, counted from 1, both ends included; `None` for a file that is to be created.
    pub(crate) lines: Option<(usize, usize)>,
    /// What is to be changed.
    pub(crate) instructions: String,
}

impl EditTarget {
    /// Returns where it is, for a sentence.
    pub(crate) fn place(&self, texts: &dyn Texts) -> String {
        let (start, end) = self.lines.unwrap_or_default();
        let name = match self.lines {
            Some(_) if start == end => "moatless/place_line",
            Some(_) => "moatless/place_lines",
            None => "moatless/place_new",
        };
        texts.render(name, json!({ "path": self.path, "start": start, "end": end }))
    }
}

/// Returns how many tokens a text has.
pub(crate) fn tokens(text: &str) -> usize {
    text.len().div_ceil(TOKEN)
}
