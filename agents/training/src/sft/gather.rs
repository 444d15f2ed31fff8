//! Rows that runs have, and why others are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Context;
use journal::{Ending, Episode, Run};
use prompts::Prompts;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::Settings;
use super::columns::columns;
use super::leaks::leak;
use super::prepare::prepare;
use super::repositories::{is_benchmark, repository};
use super::row::{Row, Rows};
use super::write::Spool;
use crate::tokens::{Counter, Measure};

/// How many episodes are held at a time, for all threads together.
const BATCH: usize = 64;

/// How much was left out, by reason.
pub(super) type Dropped = BTreeMap<String, usize>;

/// An episode with rows to export.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The run, by its folder's name.
    pub run: String,
    /// The cell of the run.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Number of the sample.
    pub sample: u32,
    /// The repository of its instance.
    pub repository: String,
    /// Calls of the model.
    pub calls: usize,
    /// The rows.
    pub rows: Vec<Measured>,
}

/// A row as far as the choice needs it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Digest of the messages.
    pub digest: [u8; 32],
    /// Messages, as they are written.
    pub messages: usize,
    /// Tokens.
    pub tokens: usize,
    /// How many of them are trained; `None` where that is not known.
    pub trained: Option<usize>,
    /// Where what is written of it is kept: one piece, or one for each sequence of recorded tokens.
    pub pieces: Vec<Range<u64>>,
}

/// What runs have.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The episodes with rows.
    pub candidates: Vec<Candidate>,
    /// Episodes of the runs.
    pub episodes: usize,
    /// Episodes that were left out.
    pub episodes_dropped: Dropped,
    /// Rows that were left out.
    pub rows_dropped: Dropped,
    /// Trained answers whose reasoning is known and not in the rows.
    pub thoughts: usize,
}

/// What rows are made with.
pub(super) struct Means<'a> {
    /// What was asked for.
    pub settings: &'a Settings,
    /// What counts tokens.
    pub counter: &'a Counter,
    /// The templates of described tools.
    pub prompts: &'a Prompts,
}

/// What a row measures, and its lines; or why it is left out.
type Written = Result<(Measured, Vec<Vec<u8>>), String>;

/// What was made of an episode, or why it is left out.
enum Made {
    Rows { calls: usize, rows: Vec<Written>, thoughts: usize },
    None(&'static str),
}

/// Reads runs with all processors; no more than a few episodes are held at a time, and what is written of rows is kept in
/// `spool`.
///
/// # Errors
/// When a record cannot be read, or the spool not be written.
pub(super) fn gather(runs: &[Run], means: &Means<'_>, spool: &mut Spool) -> anyhow::Result<Gathered> {
    let mut gathered = Gathered::default();
    for run in runs {
        let name = run.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for cell in run.cells() {
            let episodes = gathered.wanted(run, &cell, means.settings);
            for batch in episodes.chunks(BATCH) {
                let made: Vec<anyhow::Result<Made>> = batch.par_iter().map(|episode| make(episode, means)).collect();
                for (episode, made) in batch.iter().zip(made) {
                    gathered.take(&name, episode, made?, spool)?;
                }
            }
        }
    }
    let key = |one: &Candidate| (one.run.clone(), one.cell.clone(), one.instance_id.clone(), one.sample);
    gathered.candidates.sort_by_cached_key(key);
    gathered.leave_out_duplicates();
    Ok(gathered)
}

impl Gathered {
    /// Returns the episodes of a cell that are looked into, without their patches.
    fn wanted(&mut self, run: &Run, cell: &str, settings: &Settings) -> Vec<Episode> {
        let mut episodes = Vec::new();
        run.each_episode(cell, |mut episode| {
            self.episodes += 1;
            match wanted(&episode, settings) {
                Ok(()) => {
                    (episode.prediction, episode.judged) = (None, None);
                    episodes.push(episode);
                }
                Err(why) => count(&mut self.episodes_dropped, why),
            }
        });
        episodes
    }

    fn take(&mut self, run: &str, episode: &Episode, made: Made, spool: &mut Spool) -> anyhow::Result<()> {
        let (calls, made) = match made {
            Made::None(why) => {
                count(&mut self.episodes_dropped, why);
                return Ok(());
            }
            Made::Rows { calls, rows, thoughts } => {
                self.thoughts += thoughts;
                (calls, rows)
            }
        };
        let mut rows = Vec::new();
        for row in made {
            match row {
                Ok((mut measured, pieces)) => {
                    measured.pieces = pieces.iter().map(|piece| spool.put(piece)).collect::<anyhow::Result<_>>()?;
                    rows.push(measured);
                }
                Err(why) => count(&mut self.rows_dropped, &why),
            }
        }
        if rows.is_empty() {
            count(&mut self.episodes_dropped, "no row is left");
            return Ok(());
        }
        self.candidates.push(Candidate {
            run: run.to_owned(),
            cell: episode.cell.clone(),
            instance_id: episode.instance_id.clone(),
            sample: episode.sample,
            repository: repository(&episode.instance_id),
            calls,
            rows,
        });
        Ok(())
    }

    /// Keeps the first of rows with the same messages.
    fn leave_out_duplicates(&mut self) {
        let mut seen = BTreeSet::new();
        for candidate in &mut self.candidates {
            let before = candidate.rows.len();
            candidate.rows.retain(|row| seen.insert(row.digest));
            for _ in candidate.rows.len()..before {
                count(&mut self.rows_dropped, "a duplicate");
            }
        }
        let before = self.candidates.len();
        self.candidates.retain(|candidate| !candidate.rows.is_empty());
        for _ in self.candidates.len()..before {
            count(&mut self.episodes_dropped, "a duplicate");
        }
    }
}

/// Counts one more for a reason.
pub(super) fn count(dropped: &mut Dropped, why: &str) {
    *dropped.entry(why.to_owned()).or_default() += 1;
}

fn wanted(episode: &Episode, settings: &Settings) -> Result<(), &'static str> {
    if !settings.allow_benchmarks && is_benchmark(&repository(&episode.instance_id)) {
        return Err("an instance of a repository of SWE-bench's test set");
    }
    if settings.all_verdicts {
        return Ok(());
    }
    match episode.ending() {
        Ending::Solved => Ok(()),
        Ending::Unsolved => Err("not resolved"),
        Ending::Empty => Err("no patch"),
        Ending::NotApplied => Err("the patch does not apply"),
        Ending::TimedOut => Err("the tests ran out of time"),
        Ending::Errored => Err("the log of the tests does not count"),
        Ending::Infrastructure => Err("infrastructure broke"),
        Ending::Unfinished => Err("no verdict"),
    }
}

/// Makes the rows of an episode.
fn make(episode: &Episode, means: &Means<'_>) -> anyhow::Result<Made> {
    let Some(trajectory) = episode.trajectory()? else { return Ok(Made::None("no record")) };
    if let Some(why) = leak(&trajectory) {
        return Ok(Made::None(why));
    }
    let Rows { rows, thoughts } = Rows::of(&trajectory, means.settings);
    let rows = rows.into_iter().map(|row| written(row?, means));
    let rows = rows.map(|row: Result<_, String>| row).collect();
    Ok(Made::Rows { calls: trajectory.completions().count(), rows, thoughts })
}

/// Returns a row with the pieces that are written of it, or why it is left out.
fn written(row: Row, means: &Means<'_>) -> Result<(Measured, Vec<Vec<u8>>), String> {
    let Means { settings, counter, prompts } = means;
    let digest = row.digest();
    let row = prepare(row, settings, prompts)?;
    let told = |err: anyhow::Error| format!("{err:#}");
    let json = |err: serde_json::Error| err.to_string();
    let (measure, pieces) = match &row.recorded {
        Some(sequences) if settings.pretokenized => {
            let tokens = sequences.iter().map(|one| one.input_ids.len()).max().unwrap_or_default();
            let trained = sequences.iter().map(crate::tokens::Encoded::trained).sum();
            let pieces: Result<Vec<_>, _> = sequences.iter().map(serde_json::to_vec).collect();
            (Measure { tokens, trained: Some(trained) }, pieces.map_err(json)?)
        }
        _ if settings.pretokenized => {
            let encoded = counter.encode(&row.turns, &row.tools).map_err(told)?;
            let encoded = encoded.ok_or("no tokenizer, and no recorded tokens")?;
            let measure = Measure { tokens: encoded.input_ids.len(), trained: Some(encoded.trained()) };
            (measure, vec![serde_json::to_vec(&encoded).map_err(json)?])
        }
        _ => (counter.measure(&row.turns, &row.tools).map_err(told)?, Vec::new()),
    };
    let Measure { tokens, trained } = measure;
    if trained == Some(0) {
        return Err("no token to train on".to_owned());
    }
    if let Some(most) = settings.max_tokens.filter(|most| tokens > *most) {
        return Err(format!("more than {most} tokens"));
    }
    let pieces = match settings.pretokenized {
        true => pieces,
        false => vec![serde_json::to_vec(&columns(&row, settings)).map_err(json)?],
    };
    Ok((Measured { digest, messages: row.turns.len(), tokens, trained, pieces: Vec::new() }, pieces))
}

/// Reads what is written of a row back, piece by piece.
pub(super) fn each_piece(
    candidates: &[Candidate],
    spool: &Spool,
    mut put: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    for piece in candidates.iter().flat_map(|one| &one.rows).flat_map(|row| &row.pieces) {
        spool.read(piece, &mut bytes).context("cannot read rows back")?;
        put(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
impl Candidate {
    /// Returns one without rows.
    pub(super) fn new(repository: &str) -> Self {
        let [run, cell, instance_id] = [(); 3].map(|()| String::new());
        let repository = repository.to_owned();
        Self { run, cell, instance_id, sample: 0, repository, calls: 0, rows: Vec::new() }
    }
}
