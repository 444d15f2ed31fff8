//! Rows in files.

mod hashed;
mod json;
mod parquet;
mod shape;
mod spool;

use std::path::Path;

use journal::write_stream;

use super::card::FileFacts;
use super::gather::Candidate;
use super::{Format, Settings};
use hashed::Hashed;
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
    let (mut facts, mut failed) = (None, None);
    write_stream(&out.join(&name), |file| {
        let mut file = Hashed::new(file);
        let rows = match settings.format {
            Format::Parquet => parquet::write(candidates, spool, settings, &mut file),
            Format::Json | Format::Jsonl => json::write(candidates, spool, name.ends_with(".json"), &mut file),
        };
        let rows = rows.map_err(|err| {
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
