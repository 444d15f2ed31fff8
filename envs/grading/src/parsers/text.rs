//! Text as Python sees it: its line ends and its blanks.

use memchr::memchr2;

/// Returns the lines of a log that Python would read in text mode: `\n`, `\r\n` and a lone `\r` each end one. What
/// follows the last end is a line only when it is not empty.
pub(crate) fn lines(log: &str) -> impl Iterator<Item = &str> {
    let mut rest = log;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = memchr2(b'\n', b'\r', rest.as_bytes()) else { return Some(std::mem::take(&mut rest)) };
        let (line, tail) = rest.split_at(end);
        rest = &tail[if tail.starts_with("\r\n") { 2 } else { 1 }..];
        Some(line)
    })
}

/// Returns whether Python's `str.isspace` holds for `character`.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Returns whether Python's `\d` matches `character`, but that this also takes numbers that are not digits, such as
/// `½`.
pub(crate) fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || (!character.is_ascii() && character.is_numeric())
}

/// Returns the words of a line, as Python's `str.split` does.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// Returns a line without blanks around it, as Python's `str.strip` does.
pub(crate) fn strip(line: &str) -> &str {
    line.trim_matches(is_space)
}
