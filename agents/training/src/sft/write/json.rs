//! Rows as JSON.

use std::io::Write;

use super::Spool;
use crate::sft::gather::{Candidate, each_piece};

/// Writes rows, one a line, or as an array, and returns how many.
pub(super) fn write(
    candidates: &[Candidate],
    spool: &Spool,
    is_array: bool,
    file: &mut impl Write,
) -> anyhow::Result<usize> {
    let mut rows = 0;
    each_piece(candidates, spool, |piece| {
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
