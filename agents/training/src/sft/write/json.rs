//! Rows as JSON.

use std::io::Write;

/// Takes a row as it is written.
pub(super) type Put<'a> = &'a mut dyn FnMut(&[u8]) -> anyhow::Result<()>;

/// Writes the rows that `each` hands out, one a line, or as an array, and returns how many.
pub(super) fn write(
    each: impl FnOnce(Put<'_>) -> anyhow::Result<()>,
    is_array: bool,
    file: &mut impl Write,
) -> anyhow::Result<usize> {
    let mut rows = 0;
    each(&mut |piece| {
        let before: &[u8] = match (is_array, rows) {
            (true, 0) => b"[\n",
            (true, _) => b",\n",
            (false, 0) => b"",
            (false, _) => b"\n",
        };
        rows += 1;
        file.write_all(before)?;
        Ok(file.write_all(piece)?)
    })?;
    file.write_all(if is_array { b"\n]\n" } else { b"\n" })?;
    Ok(rows)
}
