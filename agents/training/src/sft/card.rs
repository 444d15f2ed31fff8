//! The data card.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Settings;
use super::gather::Gathered;
use super::repositories::by_repository;
use super::select::Sets;
use crate::counts::Counts;
use crate::tokens::Counter;

/// What a data set is made of; `card.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// Version of Spotter.
    pub spotter: String,
    /// What was asked for.
    pub settings: Settings,
    /// How tokens are counted.
    pub tokens: String,
    /// Episodes that the runs have.
    pub episodes_read: usize,
    /// Episodes with rows in the sets.
    pub episodes: usize,
    /// Segments in the sets; one whose recorded tokens do not go on from one another is several rows in the files.
    pub rows: usize,
    /// Their instances.
    pub instances: usize,
    /// Episodes by repository, of what is trained on.
    pub train_repositories: BTreeMap<String, usize>,
    /// Episodes by repository, of the validation set.
    pub validation_repositories: BTreeMap<String, usize>,
    /// Episodes that were left out, by reason.
    pub episodes_dropped: Counts,
    /// Rows that were left out, by reason.
    pub rows_dropped: Counts,
    /// Messages of rows (SWE-Gym, table 8).
    pub messages_per_row: Percentiles,
    /// Tokens of rows, as they are in the files (SWE-Gym, table 8).
    pub tokens_per_row: Percentiles,
    /// How many tokens are trained in all; `None` where tokens are estimated, or the chat template does not tell.
    pub trained_tokens: Option<usize>,
    /// Trained answers before which the model thought, as far as its server told, and whose rows do not hold that.
    pub reasoning_left_out: usize,
    /// The files but the card itself.
    pub files: Vec<FileFacts>,
}

/// A file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Its name.
    pub name: String,
    /// Its rows, where it has any; a segment whose recorded tokens do not go on from one another is several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Its digest.
    pub sha256: String,
}

/// The spread of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The mean.
    pub mean: f64,
    /// The least.
    pub min: usize,
    /// A quarter is at most this.
    pub p25: usize,
    /// Half is at most this.
    pub p50: usize,
    /// Three quarters are at most this.
    pub p75: usize,
    /// 90 in 100 are at most this.
    pub p90: usize,
    /// 95 in 100 are at most this.
    pub p95: usize,
    /// 99 in 100 are at most this.
    pub p99: usize,
    /// The greatest.
    pub max: usize,
}

impl Percentiles {
    /// Returns the spread of numbers, by nearest rank; zeros for none.
    pub fn of(mut numbers: Vec<usize>) -> Self {
        numbers.sort_unstable();
        let at = |share: usize| {
            let rank = (numbers.len() * share).div_ceil(100).max(1);
            numbers.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            mean: numbers.iter().sum::<usize>() as f64 / numbers.len().max(1) as f64,
            min: at(0),
            p25: at(25),
            p50: at(50),
            p75: at(75),
            p90: at(90),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

/// Returns the card of a choice, without its files.
pub(super) fn facts(gathered: &Gathered, sets: &Sets, settings: &Settings, counter: &Counter) -> Card {
    let all = || sets.train.iter().chain(&sets.validation);
    let rows = || all().flat_map(|one| &one.rows);
    Card {
        spotter: env!("CARGO_PKG_VERSION").to_owned(),
        settings: settings.clone(),
        tokens: counter.describe(),
        episodes_read: gathered.episodes,
        episodes: all().count(),
        rows: rows().count(),
        instances: all().map(|one| one.instance_id.as_str()).collect::<BTreeSet<_>>().len(),
        train_repositories: by_repository(sets.train.iter().map(|one| one.repository.as_str())),
        validation_repositories: by_repository(sets.validation.iter().map(|one| one.repository.as_str())),
        episodes_dropped: gathered.episodes_dropped.clone(),
        rows_dropped: gathered.rows_dropped.clone(),
        messages_per_row: Percentiles::of(rows().map(|row| row.messages).collect()),
        tokens_per_row: Percentiles::of(rows().flat_map(|row| row.tokens.iter().copied()).collect()),
        trained_tokens: rows().map(|row| row.trained).sum(),
        reasoning_left_out: rows().map(|row| row.thoughts).sum(),
        files: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let spread = Percentiles::of((1..=10).rev().collect());
        assert_eq!([spread.min, spread.p25, spread.p50, spread.p75, spread.p90, spread.max], [1, 3, 5, 8, 9, 10]);
        assert!((spread.mean - 5.5).abs() < 1e-9);
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }
}
