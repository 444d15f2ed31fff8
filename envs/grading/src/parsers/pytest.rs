//! Logs of pytest: its short summary, and for two parsers its verbose lines too.

use std::borrow::Cow;

use env_core::{Dialect, Status};

use crate::parsers::text::{is_digit, is_space, words};
use crate::tally::Tally;

/// The status words.
const WORDS: [&str; 5] = ["FAILED", "PASSED", "SKIPPED", "ERROR", "XFAIL"];

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

/// Reads a line that starts with a status.
pub(super) fn read_line(line: &str, dialect: Dialect, flavor: Flavor, tally: &mut Tally<'_>) {
    if !starts_with_status(line) {
        return;
    }
    let line = if flavor == Flavor::Matplotlib { with_numbered_buttons(line) } else { Cow::Borrowed(line) };
    let Some((status, test)) = status_and_test(&line) else { return tally.leave_out(&line) };
    if !is_skip_count(dialect, status, &test) {
        let test = if flavor == Flavor::Options { without_folders(&test) } else { test };
        tally.insert(&test, Status::from_word(status));
    }
}

/// Reads a line that starts or ends with a status, once colours and control characters are removed.
pub(super) fn read_line_v2(line: &str, dialect: Dialect, pydantic: bool, tally: &mut Tally<'_>) {
    let mut line = without_codes(line);
    if pydantic {
        line = without_bracket_after_failed(line);
    }
    let found = if starts_with_status(&line) {
        match dialect {
            Dialect::SweBench5 => insert_whole_name(&line, tally),
            Dialect::SweGym | Dialect::SweBench4 => {
                status_and_test(&line).map(|(status, test)| tally.insert(&test, Status::from_word(status)))
            }
        }
    } else if WORDS.iter().any(|word| line.ends_with(word)) {
        insert_verbose(&line, dialect, tally)
    } else {
        return;
    };
    if found.is_none() {
        tally.leave_out(&line);
    }
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
        && digits().is_some_and(|digits| !digits.is_empty() && digits.chars().all(is_digit))
}

/// Records a summary line under its whole name, blanks included; returns nothing when it has none.
fn insert_whole_name(line: &str, tally: &mut Tally<'_>) -> Option<()> {
    let line = if line.starts_with("FAILED") { line.split(" - ").next().unwrap_or(line) } else { line };
    let found: Vec<&str> = words(line).collect();
    let [status, test @ ..] = found.as_slice() else { return None };
    if !is_skip_count(Dialect::SweBench5, status, test.first()?) {
        tally.insert(&test.join(" "), Status::from_word(status));
    }
    Some(())
}

/// Records a verbose line, whose status is its last word; before SWE-bench 5 its second word was taken for it. Returns
/// nothing when it has no name.
fn insert_verbose(line: &str, dialect: Dialect, tally: &mut Tally<'_>) -> Option<()> {
    if dialect == Dialect::SweBench5 {
        let found: Vec<&str> = words(line).collect();
        let (status, test) = found.split_last().filter(|(_, test)| !test.is_empty())?;
        tally.insert(&test.join(" "), Status::from_word(status));
        return Some(());
    }
    let mut found = words(line);
    tally.insert(found.next()?, Status::from_word(found.next()?));
    Some(())
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
    if controls == 0 && memchr::memchr_iter(b'[', bytes).all(|open| code_length(&line[open..]).is_none()) {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        if let Some(length) = code_length(rest) {
            rest = &rest[length..];
            continue;
        }
        let end = rest.char_indices().skip(1).find(|(_, next)| *next == '[').map_or(rest.len(), |(index, _)| index);
        clean.extend(rest[..end].chars().filter(|character| !('\x01'..='\x1f').contains(character)));
        rest = &rest[end..];
    }
    Cow::Owned(clean)
}

/// Returns the length of the `[<digits>m` that `text` starts with.
fn code_length(text: &str) -> Option<usize> {
    let code = text.strip_prefix('[')?.trim_start_matches(is_digit).strip_prefix('m')?;
    let length = text.len() - code.len();
    (length > "[m".len()).then_some(length)
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
        let bracket = after.trim_start_matches(is_space);
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
