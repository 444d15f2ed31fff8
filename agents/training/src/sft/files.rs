//! The files of a data set.

use std::ops::Range;
use std::path::Path;

use journal::write_whole;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Settings;
use super::card::FileFacts;
use super::recipe::recipe;
use super::write::{Spool, write_rows};
use crate::hex::hex;

/// The places in a spool of the rows of a set.
pub(crate) type Places = Vec<Range<u64>>;

/// Writes the rows of the sets, those without a row not at all, and the configuration of the training; returns what was
/// written.
///
/// # Errors
/// When rows cannot be read back, or something cannot be written.
pub(crate) fn write_sets(
    [train, validation]: [Places; 2],
    spool: &Spool,
    settings: &Settings,
    out: &Path,
) -> anyhow::Result<Vec<FileFacts>> {
    let mut files = Vec::new();
    for (name, places) in [("train", train), ("validation", validation)] {
        if !places.is_empty() {
            files.push(write_rows(&places, spool, settings, out, format!("{name}.{}", settings.extension()))?);
        }
    }
    for (name, text) in recipe(settings, &files) {
        files.push(write_text(out, name, &text)?);
    }
    Ok(files)
}

/// Writes a text.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_text(out: &Path, name: String, text: &str) -> anyhow::Result<FileFacts> {
    write_whole(&out.join(&name), text.as_bytes())?;
    Ok(FileFacts { name, rows: None, sha256: hex(&Sha256::digest(text.as_bytes())) })
}

/// Writes the data card, which is the last file of a data set.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_card(out: &Path, card: &impl Serialize) -> anyhow::Result<()> {
    write_whole(&out.join("card.json"), format!("{}\n", serde_json::to_string_pretty(card)?).as_bytes())
}
