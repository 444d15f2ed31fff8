//! Comments that stand for code which was left out.

use std::collections::BTreeSet;

/// Words of such a comment, beside those of [`CODE`]. A comment with any other word says something of its own.
const FILLERS: &[&str] = &[
    "the",
    "of",
    "rest",
    "remaining",
    "existing",
    "unchanged",
    "previous",
    "other",
    "original",
    "remains",
    "remain",
    "is",
    "are",
    "stays",
    "stay",
    "same",
    "as",
    "before",
    "above",
    "and",
    "all",
    "keep",
    "kept",
    "goes",
    "go",
    "omitted",
    "left",
    "out",
    "for",
    "brevity",
    "here",
    "your",
    "this",
    "in",
    "continues",
    "continue",
    "more",
    "etc",
    "not",
    "shown",
];
/// Words of which one at least says that something was left out.
const LEFT_OUT: &[&str] = &[
    "rest",
    "remaining",
    "existing",
    "unchanged",
    "previous",
    "original",
    "remains",
    "same",
    "omitted",
    "brevity",
    "your",
    "other",
];
/// What it is that was left out, in the singular or the plural.
const CODE: &[&str] = &[
    "code",
    "method",
    "function",
    "class",
    "implementation",
    "logic",
    "import",
    "line",
    "file",
    "body",
    "definition",
    "statement",
];

/// Returns a new line that is a comment in place of code.
pub(crate) fn placeholder<'a>(before: &str, after: &'a str) -> Option<&'a str> {
    let known: BTreeSet<&str> = before.lines().map(str::trim).collect();
    after.lines().map(str::trim).filter(|line| !known.contains(line)).find(|line| stands_for_code(line))
}

fn stands_for_code(line: &str) -> bool {
    let Some(comment) = ["#", "//", "/*"].iter().find_map(|mark| line.strip_prefix(mark)) else { return false };
    let comment = comment.trim_end_matches("*/").trim().to_lowercase();
    let dots = |text: &str| text.starts_with("...") || text.starts_with('…');
    if dots(&comment) {
        return true;
    }
    let words: Vec<&str> = comment.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_code = |word: &str| CODE.contains(&word) || word.strip_suffix('s').is_some_and(|one| CODE.contains(&one));
    let is_code = |word: &str| is_code(word) || word.strip_suffix("es").is_some_and(|one| CODE.contains(&one));
    let aside = words.iter().all(|word| FILLERS.contains(word) || is_code(word));
    let left_out = words.iter().any(|word| LEFT_OUT.contains(word));
    // Two words alone, such as "other methods", are a heading.
    let whole = words.len() > 2 || comment.ends_with("...") || comment.ends_with('…') || !words.contains(&"other");
    words.len() > 1 && aside && left_out && whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_for_code_are_told_from_comments_on_code() {
        for line in [
            "# ...",
            "# …",
            "# ... rest of the code",
            "# ... existing code ...",
            "# ... omitted for brevity ...",
            "# existing code remains unchanged",
            "# Rest of the method stays the same",
            "# rest remains the same",
            "# rest of the class",
            "# same as before",
            "# your code here",
            "# other methods ...",
            "// remaining functions",
            "/* existing code */",
            "# (unchanged code)",
        ] {
            assert!(stands_for_code(line), "{line}");
        }
        for line in [
            "# Otherwise wait for the thread...",
            "# Other methods",
            "# The other functions of this module return strings.",
            "# Keep the existing file when it is newer than the cache",
            "# remaining time in seconds",
            "# unchanged",
            "# the rest is silence",
            "# existing entries",
            "return ...",
            "#",
            "# import",
            "#: previous value",
        ] {
            assert!(!stands_for_code(line), "{line}");
        }
    }
}
