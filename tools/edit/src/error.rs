//! Why an edit was not made.

/// Why an edit was not made. The message is for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Look at the file, and quote it as it is.
    #[error("old_str is not in the file")]
    NotFound,
    /// Quote more of the surroundings.
    #[error(
        "old_str is {} times in the file, at {}; nothing was changed\n\
         hint: add lines from before or after the place you mean until it is there only once",
        .0.len(), at_lines(.0)
    )]
    Ambiguous(Vec<usize>),
    /// Give a text to look for.
    #[error("old_str is empty; nothing was changed\nhint: use `insert` to add text, or `create` for a new file")]
    EmptyOld,
    /// Give another text.
    #[error("old_str and new_str are the same; nothing was changed")]
    Same,
    /// Give a line that is there.
    #[error("insert_line is {line}, but it must be from 0 (before the first line) to {last} (after the last line)")]
    InsertLine {
        /// The line as given.
        line: i64,
        /// Number of lines of the file.
        last: usize,
    },
    /// Give a range that is there.
    #[error("{0}")]
    Range(String),
    /// Use another tool.
    #[error("it is a binary file of {0} bytes, which this tool neither shows nor edits")]
    Binary(usize),
    /// Use other characters.
    #[error("the file is not UTF-8 but Latin-1, which has no character `{0}`; nothing was changed")]
    Unencodable(char),
}

/// Lists line numbers for a sentence.
pub(crate) fn at_lines(lines: &[usize]) -> String {
    const SHOWN: usize = 20;
    let mut lines = lines.to_vec();
    lines.dedup();
    let shown: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    let more = if lines.len() > SHOWN { format!(" and {} more", lines.len() - SHOWN) } else { String::new() };
    format!("{} {}{more}", if lines.len() == 1 { "line" } else { "lines" }, shown.join(", "))
}
