//! Files that a user gives, which other programs wrote: their byte order marks and half characters.

use std::fs;
use std::io::{self, BufRead, ErrorKind};
use std::path::Path;

use anyhow::Context;

/// What starts a UTF-8 file of some programs; it carries no meaning.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// What starts a UTF-16 file, in either order.
const WIDE: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Returns a file's text without its byte order mark; `None` when there is no file.
///
/// # Errors
/// The file cannot be read, or is UTF-16.
pub fn read_given(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => {
            let count = mark(&bytes).with_context(|| format!("`{}`", path.display()))?;
            Ok(Some(String::from_utf8_lossy(bytes.get(count..).unwrap_or_default()).into_owned()))
        }
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Skips the byte order mark at the start of a file.
///
/// # Errors
/// The file cannot be read, or is UTF-16.
pub fn skip_mark(reader: &mut impl BufRead) -> io::Result<()> {
    let count = mark(reader.fill_buf()?)?;
    reader.consume(count);
    Ok(())
}

/// Returns how many bytes at the start of a file are its byte order mark.
fn mark(start: &[u8]) -> io::Result<usize> {
    if WIDE.iter().any(|wide| start.starts_with(wide)) {
        let why = "it is UTF-16\nhint: save the file as UTF-8, as with `iconv -f UTF-16 -t UTF-8`";
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    Ok(if start.starts_with(MARK) { MARK.len() } else { 0 })
}

/// Returns JSON with `stand_in` for each half of a surrogate pair that stands alone and for each place that is not UTF-8,
/// neither of which any text can hold; `None` when there is none.
pub(crate) fn without_halves(json: &[u8], stand_in: char) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(json.len());
    let mut found = false;
    for chunk in json.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            found = true;
            text.push(stand_in);
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => 0,
            // An escape is a backslash and the character after it, so that `\\ud800` is no half character.
            _ => escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at),
        };
        let (kept, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = after;
        if length == 0 {
            found = true;
            out.push(stand_in);
            rest = escape.get(6..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    found.then(|| out.into_bytes())
}

/// Returns the code unit that an escape such as `\ud83d` at the start of a text stands for.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (json, expected) in [
            (&br#""a\ud800b""#[..], Some(r#""a?b""#)),
            (br#""\uDC00\uD800""#, Some(r#""??""#)),
            (br#""\ud83d\u0041""#, Some(r#""?\u0041""#)),
            (br#""\\\ud800""#, Some(r#""\\?""#)),
            (b"\"\xff\"", Some(r#""?""#)),
            (br#""\ud83d\ude00 \u00e9""#, None),
            (br#""\\ud800""#, None),
            (br#""\ud8"#, None),
            ("\"é\\".as_bytes(), None),
        ] {
            let found = without_halves(json, '?').map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for (bytes, expected) in [(&b"\xef\xbb\xbfa: 1"[..], "a: 1"), (b"a: 1", "a: 1"), (b"", "")] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_given(&path).unwrap().as_deref(), Some(expected));
        }
        for bytes in [b"\xff\xfea\0", b"\xfe\xff\0a"] {
            fs::write(&path, bytes).unwrap();
            assert!(format!("{:#}", read_given(&path).unwrap_err()).contains("it is UTF-16\nhint: "));
        }
    }
}
