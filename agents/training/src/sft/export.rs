//! The whole of an export.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use journal::{Run, write_stream, write_whole};
use prompts::Prompts;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Settings;
use super::card::{Card, FileFacts, facts};
use super::columns::columns;
use super::gather::{Candidate, Means, gather};
use super::prepare::prepare;
use super::readme::readme;
use super::recipe::recipe;
use super::row::Row;
use super::select::{Sets, select};
use crate::tokens::Counter;

/// Writes the rows of solved episodes, the trainer's configuration and the data card into a folder, and returns the card.
///
/// # Errors
/// When the settings contradict one another, no row is left, or something cannot be read or written.
pub fn export(runs: &[Run], settings: &Settings, counter: &Counter, out: &Path) -> anyhow::Result<Card> {
    settings.check()?;
    let prompts = Prompts::new(BTreeMap::new())?;
    let means = Means { settings, counter, prompts: &prompts };
    let mut gathered = gather(runs, &means)?;
    let candidates = std::mem::take(&mut gathered.candidates);
    let sets = select(candidates, settings, &mut gathered.episodes_dropped);
    if sets.train.is_empty() {
        let dropped = gathered.episodes_dropped.iter().chain(&gathered.rows_dropped);
        let reasons: Vec<String> = dropped.map(|(why, number)| format!("{number} {why}")).collect();
        bail!(
            "no row is left of {} episodes\nhint: left out: {}; `--all-verdicts` keeps episodes of every verdict",
            gathered.episodes,
            reasons.join(", ")
        );
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let mut card = facts(&gathered, &sets, settings, counter);
    let Sets { train, validation } = sets;
    for (name, candidates) in [("train", train), ("validation", validation)] {
        if candidates.is_empty() {
            continue;
        }
        let name = format!("{name}.{}", if settings.pretokenized { "jsonl" } else { settings.target.extension() });
        card.files.push(write_rows(&candidates, &means, out, name)?);
    }
    let texts = recipe(settings, &card.files);
    for (name, text) in texts.into_iter().chain([("README.md".to_owned(), readme(&card))]) {
        write_whole(&out.join(&name), text.as_bytes())?;
        card.files.push(FileFacts { name, rows: None, sha256: hex(&Sha256::digest(text.as_bytes())) });
    }
    write_whole(&out.join("card.json"), format!("{}\n", serde_json::to_string_pretty(&card)?).as_bytes())?;
    Ok(card)
}

/// Writes the rows of episodes.
fn write_rows(candidates: &[Candidate], means: &Means<'_>, out: &Path, name: String) -> anyhow::Result<FileFacts> {
    write_values(candidates.iter().map(|candidate| values(candidate, means)), out, name)
}

/// Writes the rows that each item has, as JSON, a row a line, or as an array of them.
pub(crate) fn write_values(
    items: impl Iterator<Item = anyhow::Result<Vec<Value>>>,
    out: &Path,
    name: String,
) -> anyhow::Result<FileFacts> {
    let (mut hasher, mut rows, mut failed) = (Sha256::new(), 0, None);
    let is_array = name.ends_with(".json");
    write_stream(&out.join(&name), |file| {
        let mut put = |file: &mut BufWriter<std::fs::File>, bytes: &[u8]| {
            hasher.update(bytes);
            file.write_all(bytes)
        };
        for values in items {
            let values = values.map_err(|err| {
                let told = std::io::Error::other(format!("{err:#}"));
                failed = Some(err);
                told
            })?;
            for value in values {
                let before = match (is_array, rows) {
                    (true, 0) => "[\n",
                    (true, _) => ",\n",
                    (false, 0) => "",
                    (false, _) => "\n",
                };
                rows += 1;
                put(file, before.as_bytes())?;
                put(file, &serde_json::to_vec(&value)?)?;
            }
        }
        put(file, if is_array { b"\n]\n" } else { b"\n" })
    })
    .map_err(|err| failed.take().unwrap_or(err))?;
    Ok(FileFacts { name, rows: Some(rows), sha256: hex(&hasher.finalize()) })
}

/// Returns the rows of an episode as the target reads them.
fn values(candidate: &Candidate, means: &Means<'_>) -> anyhow::Result<Vec<Value>> {
    let Means { settings, counter, prompts } = means;
    let trajectory = candidate.episode.trajectory()?.context("a record has gone while it was exported")?;
    let mut values = Vec::new();
    for (segment, row) in Row::of(&trajectory).into_iter().enumerate() {
        if !candidate.rows.iter().any(|row| row.segment == segment) {
            continue;
        }
        let row = prepare(row, settings, prompts).map_err(|why| anyhow::anyhow!("a record has changed: {why}"))?;
        if !settings.pretokenized {
            values.push(columns(&row, settings));
            continue;
        }
        match row.recorded {
            Some(sequences) => {
                for sequence in sequences {
                    values.push(serde_json::to_value(sequence)?);
                }
            }
            None => values.extend(counter.encode(&row.turns, &row.tools)?.map(serde_json::to_value).transpose()?),
        }
    }
    Ok(values)
}

/// Returns bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
