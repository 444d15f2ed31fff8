//! Rows in files.

mod hashed;
mod json;
mod parquet;
mod shape;
mod spool;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use journal::write_stream;
use serde_json::Value;

use super::card::FileFacts;
use super::gather::{Candidate, each_piece};
use super::{Format, Settings};
use hashed::Hashed;
pub(crate) use hashed::hex;
pub(super) use spool::Spool;

/// Writes the rows of episodes into a file of a folder; no more than a part of them is held.
///
/// # Errors
/// When they cannot be read back, or written.
pub(super) fn write_rows(
    candidates: &[Candidate],
    spool: &Spool,
    settings: &Settings,
    out: &Path,
    name: String,
) -> anyhow::Result<FileFacts> {
    let is_array = name.ends_with(".json");
    write_file(out, name, |file| match settings.format {
        Format::Parquet => parquet::write(candidates, spool, settings, file),
        Format::Json | Format::Jsonl => json::write(|put| each_piece(candidates, spool, put), is_array, file),
    })
}

/// Writes rows as JSON into a file of a folder, one a line, or as an array where its name says so.
///
/// # Errors
/// When a row cannot be made, or written.
pub(crate) fn write_values(
    mut rows: impl Iterator<Item = anyhow::Result<Value>>,
    out: &Path,
    name: String,
) -> anyhow::Result<FileFacts> {
    let is_array = name.ends_with(".json");
    write_file(out, name, |file| {
        json::write(|put| rows.try_for_each(|row| put(&serde_json::to_vec(&row?)?)), is_array, file)
    })
}

/// Writes a file of a folder; `rows` writes its rows, and returns how many.
fn write_file(
    out: &Path,
    name: String,
    rows: impl FnOnce(&mut Hashed<&mut BufWriter<File>>) -> anyhow::Result<usize>,
) -> anyhow::Result<FileFacts> {
    let (mut facts, mut failed) = (None, None);
    write_stream(&out.join(&name), |file| {
        let mut file: Hashed<&mut BufWriter<File>> = Hashed::new(file);
        let rows = rows(&mut file).map_err(|err| {
            let told = std::io::Error::other(format!("{err:#}"));
            failed = Some(err);
            told
        })?;
        facts = Some((rows, file.digest()));
        Ok(())
    })
    .map_err(|err| failed.take().unwrap_or(err))?;
    let (rows, sha256) = facts.unwrap_or_default();
    Ok(FileFacts { name, rows: Some(rows), sha256 })
}
