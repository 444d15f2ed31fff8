//! Rows that runs have, and why others are left out.

use std::collections::{BTreeMap, BTreeSet};

use journal::{Ending, Episode, Run};
use prompts::Prompts;

use super::Settings;
use super::leaks::leak;
use super::prepare::prepare;
use super::repositories::{is_benchmark, repository};
use super::row::Row;
use crate::tokens::Counter;

/// How much was left out, by reason.
pub(crate) type Dropped = BTreeMap<String, usize>;

/// An episode with rows to export.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The run, by its folder's name.
    pub run: String,
    /// The episode, without its patch.
    pub episode: Episode,
    /// The repository of its instance.
    pub repository: String,
    /// Calls of the model.
    pub calls: usize,
    /// The rows, by the number of their segment.
    pub rows: Vec<Measured>,
}

/// A row as far as the choice needs it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Number of the segment, from 0.
    pub segment: usize,
    /// Digest of the messages.
    pub digest: [u8; 32],
    /// Messages, as they are written.
    pub messages: usize,
    /// Tokens.
    pub tokens: usize,
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

/// Reads runs; of each no more than one episode is held.
///
/// # Errors
/// When a record cannot be read.
pub(super) fn gather(runs: &[Run], means: &Means<'_>) -> anyhow::Result<Gathered> {
    let mut gathered = Gathered::default();
    for run in runs {
        let name = run.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for cell in run.cells() {
            for episode in run.episodes(&cell) {
                gathered.take(&name, episode, means)?;
            }
        }
    }
    let key = |one: &Candidate| {
        let episode = &one.episode;
        (one.run.clone(), episode.cell.clone(), episode.instance_id.clone(), episode.sample)
    };
    gathered.candidates.sort_by_cached_key(key);
    gathered.leave_out_duplicates();
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, run: &str, episode: Episode, means: &Means<'_>) -> anyhow::Result<()> {
        self.episodes += 1;
        match self.candidate(run, episode, means)? {
            Ok(candidate) => self.candidates.push(candidate),
            Err(why) => count(&mut self.episodes_dropped, why),
        }
        Ok(())
    }

    /// Returns an episode with its rows, or why it is left out.
    fn candidate(
        &mut self,
        run: &str,
        mut episode: Episode,
        means: &Means<'_>,
    ) -> anyhow::Result<Result<Candidate, &'static str>> {
        if let Err(why) = wanted(&episode, means.settings) {
            return Ok(Err(why));
        }
        let Some(trajectory) = episode.trajectory()? else { return Ok(Err("no record")) };
        if let Some(why) = leak(&trajectory) {
            return Ok(Err(why));
        }
        let mut rows = Vec::new();
        for (segment, row) in Row::of(&trajectory).into_iter().enumerate() {
            let digest = row.digest();
            match measure(row, means) {
                Ok((messages, tokens)) => rows.push(Measured { segment, digest, messages, tokens }),
                Err(why) => count(&mut self.rows_dropped, &why),
            }
        }
        if rows.is_empty() {
            return Ok(Err("no row is left"));
        }
        let repository = repository(&episode.instance_id);
        episode.prediction = None;
        let calls = trajectory.completions().count();
        Ok(Ok(Candidate { run: run.to_owned(), episode, repository, calls, rows }))
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
pub(crate) fn count(dropped: &mut Dropped, why: &str) {
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

/// Returns the messages and the tokens of a row as it is written, or why it is left out.
fn measure(row: Row, means: &Means<'_>) -> Result<(usize, usize), String> {
    let Means { settings, counter, prompts } = means;
    let row = prepare(row, settings, prompts)?;
    let recorded = row.recorded.as_ref().filter(|_| settings.pretokenized);
    let tokens = match recorded {
        Some(sequences) => sequences.iter().map(|one| one.input_ids.len()).max().unwrap_or_default(),
        None if settings.pretokenized => {
            let encoded = counter.encode(&row.turns, &row.tools).map_err(|err| format!("{err:#}"))?;
            let encoded = encoded.ok_or("no tokenizer, and no recorded tokens")?;
            if encoded.trained() == 0 {
                return Err("no token to train on".to_owned());
            }
            encoded.input_ids.len()
        }
        None => counter.count(&row.turns, &row.tools).map_err(|err| format!("{err:#}"))?,
    };
    match settings.max_tokens {
        Some(most) if tokens > most => Err(format!("more than {most} tokens")),
        _ => Ok((row.turns.len(), tokens)),
    }
}
