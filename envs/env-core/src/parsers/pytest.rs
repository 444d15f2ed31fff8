//! Logs of pytest: its short summary, and for two parsers its verbose lines too.

use std::borrow::Cow;

use crate::parsers::text::{lines, words};
use crate::status::WORDS;
use crate::{Dialect, Status, StatusMap};

/// What becomes of a test's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// It stays as it is.
    Plain,
    /// A path in brackets is cut to its last component.
    Options,
    /// The names of mouse buttons become numbers.
    Matplotlib,
}

/// Reads lines that start with a status.
pub(super) fn parse(log: &str, dialect: Dialect, flavor: Flavor) -> StatusMap {
    let mut map = StatusMap::default();
    for line in lines(log).filter(|line| starts_with_status(line)) {
        let line = if flavor == Flavor::Matplotlib { with_numbered_buttons(line) } else { Cow::Borrowed(line) };
        let Some((status, test)) = status_and_test(&line) else { continue };
        if is_skip_count(dialect, status, &test) {
            continue;
        }
        let test = if flavor == Flavor::Options { without_folders(&test) } else { test };
        map.insert(&test, Status::from_word(status));
    }
    map
}

/// Reads lines that start or end with a status, once colours and control characters are removed.
pub(super) fn parse_v2(log: &str, dialect: Dialect, pydantic: bool) -> StatusMap {
    let mut map = StatusMap::default();
    for line in lines(log) {
        let mut line = without_codes(line);
        if pydantic {
            line = without_bracket_after_failed(line);
        }
        if starts_with_status(&line) {
            match dialect {
                Dialect::SweBench5 => insert_whole_name(&mut map, &line),
                Dialect::SweGym | Dialect::SweBench4 => {
                    if let Some((status, test)) = status_and_test(&line) {
                        map.insert(&test, Status::from_word(status));
                    }
                }
            }
        } else if WORDS.iter().any(|word| line.ends_with(word)) {
            insert_verbose(&mut map, &line, dialect);
        }
    }
    map
}

fn starts_with_status(line: &str) -> bool {
    matches!(line.as_bytes().first(), Some(b'F' | b'P' | b'S' | b'E' | b'X'))
        && WORDS.iter().any(|word| line.starts_with(word))
}

/// Returns the first two words of a summary line; a dash between the name and the message is not a word.
fn status_and_test(line: &str) -> Option<(&str, Cow<'_, str>)> {
    let mut found = words(line);
    let status = found.next()?;
    let test = found.next()?;
    if test == "-" && line.starts_with("FAILED") {
        let dashless = line.replace(" - ", " ");
        return words(&dashless).nth(1).map(|test| (status, Cow::Owned(test.to_owned())));
    }
    Some((status, Cow::Borrowed(test)))
}

/// Returns whether a line is pytest's count of skipped tests, `SKIPPED [3] path:line: reason`, which SWE-bench 5 no
/// longer takes for a test.
fn is_skip_count(dialect: Dialect, status: &str, test: &str) -> bool {
    let digits = || test.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    dialect == Dialect::SweBench5
        && status == "SKIPPED"
        && digits().is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Records a summary line under its whole name, blanks included.
fn insert_whole_name(map: &mut StatusMap, line: &str) {
    let line = if line.starts_with("FAILED") { line.split(" - ").next().unwrap_or(line) } else { line };
    let found: Vec<&str> = words(line).collect();
    let [status, test @ ..] = found.as_slice() else { return };
    if let Some(first) = test.first()
        && !is_skip_count(Dialect::SweBench5, status, first)
    {
        map.insert(&test.join(" "), Status::from_word(status));
    }
}

/// Records a verbose line, whose status is its last word; before SWE-bench 5 its second word was taken for it.
fn insert_verbose(map: &mut StatusMap, line: &str, dialect: Dialect) {
    if dialect == Dialect::SweBench5 {
        let found: Vec<&str> = words(line).collect();
        if let [test @ .., status] = found.as_slice()
            && !test.is_empty()
        {
            map.insert(&test.join(" "), Status::from_word(status));
        }
        return;
    }
    let mut found = words(line);
    if let (Some(test), Some(status)) = (found.next(), found.next()) {
        map.insert(test, Status::from_word(status));
    }
}

/// Returns a name whose option is a path with only the last component of that path, and nothing after the brackets.
fn without_folders(test: &str) -> Cow<'_, str> {
    let Some(open) = test.find('[') else { return Cow::Borrowed(test) };
    let Some(close) = test.rfind(']').filter(|close| *close > open) else { return Cow::Borrowed(test) };
    let option = &test[open + 1..close];
    if option.starts_with('/') && !option.starts_with("//") && !option.contains('*') {
        let last = option.rsplit('/').next().unwrap_or(option);
        return Cow::Owned(format!("{}[/{last}]", &test[..open]));
    }
    Cow::Borrowed(&test[..=close])
}

fn with_numbered_buttons(line: &str) -> Cow<'_, str> {
    if memchr::memmem::find(line.as_bytes(), b"MouseButton.").is_none() {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.replace("MouseButton.LEFT", "1").replace("MouseButton.RIGHT", "3"))
}

/// Returns a line without the tails of colour codes, `[<digits>m`, and without the characters 1 to 31.
fn without_codes(line: &str) -> Cow<'_, str> {
    let bytes = line.as_bytes();
    // Counted rather than searched for, which the compiler turns into vector instructions.
    let controls = bytes.iter().filter(|byte| (1..32).contains(*byte)).count();
    if controls == 0 && memchr::memchr_iter(b'[', bytes).all(|open| code_length(&bytes[open..]).is_none()) {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        if let Some(length) = code_length(rest.as_bytes()) {
            rest = &rest[length..];
            continue;
        }
        let end = rest.char_indices().skip(1).find(|(_, next)| *next == '[').map_or(rest.len(), |(index, _)| index);
        clean.extend(rest[..end].chars().filter(|character| !('\x01'..='\x1f').contains(character)));
        rest = &rest[end..];
    }
    Cow::Owned(clean)
}

/// Returns the length of the `[<digits>m` that `bytes` starts with.
fn code_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"[")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && rest.get(digits) == Some(&b'm')).then_some(digits + 2)
}

/// Returns a line with each `FAILED [...]` cut to `FAILED`.
fn without_bracket_after_failed(line: Cow<'_, str>) -> Cow<'_, str> {
    if !line.contains("FAILED") || !line.contains('[') {
        return line;
    }
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.as_ref();
    while let Some(found) = rest.find("FAILED") {
        let (before, after) = rest.split_at(found + "FAILED".len());
        clean.push_str(before);
        let bracket = after.trim_start_matches(super::text::is_space);
        let close = if bracket.starts_with('[') { bracket.find(']') } else { None };
        rest = match close {
            Some(close) => &bracket[close + 1..],
            None => after,
        };
        if bracket.starts_with('[') && close.is_none() {
            break;
        }
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}
