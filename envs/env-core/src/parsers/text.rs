//! Text as Python sees it: its line ends and its blanks.

use memchr::memchr2;

/// Returns the lines of a log that Python would read in text mode: `\n`, `\r\n` and a lone `\r` each end one.
pub(crate) fn lines(log: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(log);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr2(b'\n', b'\r', text.as_bytes()) else {
            rest = None;
            return Some(text);
        };
        let width = if text.as_bytes()[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    })
}

/// Returns whether Python's `str.isspace` holds for `character`.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Returns the words of a line, as Python's `str.split` does.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// Returns a line without blanks around it, as Python's `str.strip` does.
pub(crate) fn strip(line: &str) -> &str {
    line.trim_matches(is_space)
}
