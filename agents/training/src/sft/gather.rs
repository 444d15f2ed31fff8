//! Rows that runs have, and why others are left out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use journal::{Ending, Episode, Run};
use prompts::Prompts;

use super::Settings;
use super::batches::in_batches;
use super::columns::columns;
use super::leaks::leak;
use super::prepare::prepare;
use super::repositories::{is_benchmark, repository};
use super::row::{Row, rows};
use super::write::Spool;
use crate::counts::Counts;
use crate::tokens::{Counter, Encoded, Measure};

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
    /// Tokens of each piece that is written of it.
    pub tokens: Vec<usize>,
    /// How many of them are trained; `None` where that is not known.
    pub trained: Option<usize>,
    /// Trained answers before which the model thought, as far as is known, and that stand without it.
    pub thoughts: usize,
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
    pub episodes_dropped: Counts,
    /// Rows that were left out.
    pub rows_dropped: Counts,
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
    Rows { calls: usize, rows: Vec<Written> },
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
        let name = run.name();
        for cell in run.cells() {
            let episodes = gathered.wanted(run, &cell, means.settings);
            in_batches(
                &episodes,
                |episode| make(episode, means),
                |episode, made| gathered.take(&name, episode, made, spool),
            )?;
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
                Err(why) => self.episodes_dropped.count(why, 1),
            }
        });
        episodes
    }

    fn take(&mut self, run: &str, episode: &Episode, made: Made, spool: &mut Spool) -> anyhow::Result<()> {
        let (calls, made) = match made {
            Made::None(why) => {
                self.episodes_dropped.count(why, 1);
                return Ok(());
            }
            Made::Rows { calls, rows } => (calls, rows),
        };
        let mut rows = Vec::new();
        for row in made {
            match row {
                Ok((mut measured, pieces)) => {
                    measured.pieces = pieces.iter().map(|piece| spool.put(piece)).collect::<anyhow::Result<_>>()?;
                    rows.push(measured);
                }
                Err(why) => self.rows_dropped.count(&why, 1),
            }
        }
        if rows.is_empty() {
            self.episodes_dropped.count("no row is left", 1);
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
            self.rows_dropped.count("a duplicate", before - candidate.rows.len());
        }
        let before = self.candidates.len();
        self.candidates.retain(|candidate| !candidate.rows.is_empty());
        self.episodes_dropped.count("a duplicate", before - self.candidates.len());
    }
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
    let rows = rows(&trajectory, means.settings).into_iter().map(|row| written(row?, means)).collect();
    Ok(Made::Rows { calls: trajectory.completions().count(), rows })
}

/// Returns a row with the pieces that are written of it, or why it is left out.
fn written(row: Row, means: &Means<'_>) -> Result<(Measured, Vec<Vec<u8>>), String> {
    let Means { settings, counter, prompts } = means;
    let digest = row.digest();
    let row = prepare(row, settings, prompts)?;
    let told = |err: anyhow::Error| format!("{err:#}");
    let json = |err: serde_json::Error| err.to_string();
    let mut thoughts = row.thoughts;
    let (tokens, trained, pieces) = if settings.pretokenized {
        let encoded = match &row.recorded {
            Some(sequences) => {
                // They are all that the model sampled.
                thoughts = 0;
                Cow::Borrowed(sequences.as_slice())
            }
            None => {
                let encoded = counter.encode(&row.turns, &row.tools).map_err(told)?;
                Cow::Owned(vec![encoded.ok_or("no tokenizer, and no recorded tokens")?])
            }
        };
        let tokens = encoded.iter().map(Encoded::len).collect();
        let trained = encoded.iter().map(Encoded::trained).sum();
        (tokens, Some(trained), encoded.iter().map(Encoded::to_bytes).collect())
    } else {
        let Measure { tokens, trained } = counter.measure(&row.turns, &row.tools).map_err(told)?;
        (vec![tokens], trained, Vec::new())
    };
    if trained == Some(0) {
        return Err("no token to train on".to_owned());
    }
    if let Some(most) = settings.max_tokens.filter(|most| tokens.iter().any(|tokens| tokens > most)) {
        return Err(format!("more than {most} tokens"));
    }
    let pieces = match settings.pretokenized {
        true => pieces,
        false => vec![serde_json::to_vec(&columns(&row, settings)).map_err(json)?],
    };
    Ok((Measured { digest, messages: row.turns.len(), tokens, trained, thoughts, pieces: Vec::new() }, pieces))
}
