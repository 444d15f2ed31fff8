//! Files that a user gives, which other programs wrote: their byte order marks.

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

#[cfg(test)]
mod tests {
    use super::*;

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
