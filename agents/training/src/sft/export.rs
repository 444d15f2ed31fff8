//! The whole of an export.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use journal::{Run, write_whole};
use prompts::Prompts;
use sha2::{Digest, Sha256};

use super::Settings;
use super::card::{Card, FileFacts, facts};
use super::gather::{Means, gather};
use super::readme::readme;
use super::recipe::recipe;
use super::select::{Sets, select};
use super::write::{Spool, hex, write_rows};
use crate::tokens::Counter;

/// Writes the rows of solved episodes, the trainer's configuration and the data card into a folder, and returns the card.
///
/// # Errors
/// When the settings contradict one another, no row is left, or something cannot be read or written.
pub fn export(runs: &[Run], settings: &Settings, counter: &Counter, out: &Path) -> anyhow::Result<Card> {
    settings.check()?;
    let prompts = Prompts::new(BTreeMap::new())?;
    let means = Means { settings, counter, prompts: &prompts };
    std::fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let mut spool = Spool::create(out)?;
    let mut gathered = gather(runs, &means, &mut spool)?;
    spool.finish()?;
    let candidates = std::mem::take(&mut gathered.candidates);
    let sets = select(candidates, settings, &mut gathered.episodes_dropped);
    if sets.train.is_empty() {
        // Only where there was none before.
        let _ = std::fs::remove_dir(out);
        let dropped = gathered.episodes_dropped.iter().chain(&gathered.rows_dropped);
        let reasons: Vec<String> = dropped.map(|(why, number)| format!("{number} {why}")).collect();
        bail!(
            "no row is left of {} episodes\nhint: left out: {}; `--all-verdicts` keeps episodes of every verdict",
            gathered.episodes,
            reasons.join(", ")
        );
    }
    let mut card = facts(&gathered, &sets, settings, counter);
    let Sets { train, validation } = sets;
    for (name, candidates) in [("train", train), ("validation", validation)] {
        if candidates.is_empty() {
            continue;
        }
        let name = format!("{name}.{}", settings.extension());
        card.files.push(write_rows(&candidates, &spool, settings, out, name)?);
    }
    let texts = recipe(settings, &card.files);
    for (name, text) in texts.into_iter().chain([("README.md".to_owned(), readme(&card))]) {
        write_whole(&out.join(&name), text.as_bytes())?;
        card.files.push(FileFacts { name, rows: None, sha256: hex(&Sha256::digest(text.as_bytes())) });
    }
    write_whole(&out.join("card.json"), format!("{}\n", serde_json::to_string_pretty(&card)?).as_bytes())?;
    Ok(card)
}
