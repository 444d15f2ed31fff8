//! Why an edit was not made.

use serde_json::json;
use tool_core::Texts;

/// Why an edit was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// Look at the file, and quote it as it is.
    NotFound,
    /// Quote more of the surroundings; with the line of each place.
    Ambiguous(Vec<usize>),
    /// Give a text to look for.
    EmptyOld,
    /// Give another text.
    Same,
    /// Give a line that is there.
    InsertLine {
        /// The line as given.
        line: i64,
        /// Number of lines of the file.
        last: usize,
    },
    /// Use another tool; with the number of bytes.
    Binary(usize),
    /// Use other characters.
    Unencodable(char),
}

impl EditError {
    /// Returns the message for the model.
    pub fn message(&self, texts: &dyn Texts) -> String {
        match self {
            Self::NotFound => texts.plain("edit/not_found"),
            Self::Ambiguous(lines) => {
                let values = json!({ "count": lines.len(), "lines": at_lines(lines, texts) });
                texts.render("edit/ambiguous", values)
            }
            Self::EmptyOld => texts.plain("edit/empty_old"),
            Self::Same => texts.plain("edit/same"),
            Self::InsertLine { line, last } => texts.render("edit/insert_line", json!({ "line": line, "last": last })),
            Self::Binary(bytes) => texts.render("edit/binary", json!({ "bytes": bytes })),
            Self::Unencodable(character) => texts.render("edit/unencodable", json!({ "character": character })),
        }
    }
}

/// Lists line numbers for a sentence.
pub(crate) fn at_lines(lines: &[usize], texts: &dyn Texts) -> String {
    const SHOWN: usize = 20;
    let mut lines = lines.to_vec();
    lines.dedup();
    let shown: Vec<usize> = lines.iter().take(SHOWN).copied().collect();
    let values = json!({ "count": lines.len(), "shown": shown, "more": lines.len().saturating_sub(SHOWN) });
    texts.render("edit/at_lines", values)
}
