//! Rows in files.

mod hashed;
mod json;
mod parquet;
mod shape;
mod spool;

use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use journal::write_stream_with;

use super::card::FileFacts;
use super::{Format, Settings};
use crate::side_by_side::{BATCH, side_by_side};
use crate::tokens::Encoded;
use hashed::Hashed;
pub(crate) use spool::Spool;

/// Writes rows into a file of a folder, one a line, or as an array where its name says so, or as Parquet; no more than a part
/// of them is held.
///
/// # Errors
/// When they cannot be read back, or written.
pub(super) fn write_rows(
    places: &[Range<u64>],
    spool: &Spool,
    settings: &Settings,
    out: &Path,
    name: String,
) -> anyhow::Result<FileFacts> {
    let each = |put: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>| -> anyhow::Result<()> {
        let batches = places.chunks(BATCH).map(<[_]>::to_vec);
        side_by_side(batches, |place| row(spool, &place, settings), |row| put(&row?))
    };
    write_stream_with(&out.join(&name), |file| {
        let mut file = Hashed::new(file)?;
        let rows = match settings.format {
            Format::Parquet => parquet::write(each, settings, &mut file)?,
            Format::Json | Format::Jsonl => json::write(each, name.ends_with(".json"), &mut file)?,
        };
        Ok(FileFacts { name: name.clone(), rows: Some(rows), sha256: file.digest()? })
    })
}

/// Returns a row as JSON.
fn row(spool: &Spool, place: &Range<u64>, settings: &Settings) -> anyhow::Result<Vec<u8>> {
    let bytes = spool.read(place).context("cannot read rows back")?;
    Ok(if settings.pretokenized { Encoded::from_bytes(&bytes).to_json() } else { bytes })
}
