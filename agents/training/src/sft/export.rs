//! The whole of an export.

use std::collections::BTreeMap;

use anyhow::bail;
use journal::Run;
use prompts::Prompts;

use super::Settings;
use super::card::{Card, facts};
use super::files::{Places, write_card, write_sets, write_text};
use super::gather::{Candidate, Means, gather};
use super::readme::readme;
use super::select::select;
use super::write::Spool;
use crate::out::Out;
use crate::tokens::Counter;

/// Writes the rows of solved episodes, the trainer's configuration and the data card into a folder, and returns the card.
///
/// # Errors
/// When the settings contradict one another, the folder cannot be used, no row is left, or something cannot be read or written.
pub fn export(runs: &[Run], settings: &Settings, counter: &Counter, out: Out<'_>) -> anyhow::Result<Card> {
    settings.check()?;
    let prompts = Prompts::new(BTreeMap::new())?;
    let means = Means { settings, counter, prompts: &prompts };
    let folder = out.begin()?;
    let mut spool = Spool::create(folder)?;
    let mut gathered = gather(runs, &means, &mut spool)?;
    spool.finish()?;
    let candidates = std::mem::take(&mut gathered.candidates);
    let sets = select(candidates, settings, &mut gathered.episodes_dropped);
    if sets.train.is_empty() {
        out.give_up();
        let dropped = gathered.episodes_dropped.iter().chain(&gathered.rows_dropped);
        let reasons: Vec<String> = dropped.map(|(why, number)| format!("{number} {why}")).collect();
        bail!(
            "no row is left of {} episodes\nhint: left out: {}; `--all-verdicts` keeps episodes of every verdict",
            gathered.episodes,
            reasons.join(", ")
        );
    }
    let mut card = facts(&gathered, &sets, settings, counter);
    card.files = write_sets([places(&sets.train), places(&sets.validation)], &spool, settings, folder)?;
    card.files.push(write_text(folder, "README.md".to_owned(), &readme(&card))?);
    write_card(folder, &card)?;
    Ok(card)
}

fn places(candidates: &[Candidate]) -> Places {
    candidates.iter().flat_map(|one| &one.rows).flat_map(|row| row.pieces.iter().cloned()).collect()
}
