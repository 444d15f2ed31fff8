//! The scores that `verify` has written into the folders of runs.

use std::collections::BTreeMap;
use std::fs;

use journal::read_text;
use serde::Deserialize;
use verifier::Pool;

use super::gathered::Source;

/// A line of a file of scores.
#[derive(Deserialize)]
struct Line {
    cell: String,
    instance_id: String,
    sample: u32,
    score: Option<f64>,
}

/// Scores of episodes: by run, cell, instance and sample, those of each scorer.
#[derive(Debug, Default)]
pub(crate) struct Scores(BTreeMap<(usize, String, String, u32), BTreeMap<String, f64>>);

impl Scores {
    /// Reads the files `scores.NAME.jsonl` of runs. A line that is none of a score is passed over.
    pub(super) fn read(sources: &[Source]) -> anyhow::Result<Self> {
        let mut scores = Self::default();
        for (run, source) in sources.iter().enumerate() {
            for entry in fs::read_dir(source.run.folder()).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let Some(scorer) = name.strip_prefix("scores.").and_then(|name| name.strip_suffix(".jsonl")) else {
                    continue;
                };
                let text = read_text(&entry.path())?.unwrap_or_default();
                for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
                    let Line { cell, instance_id, sample, score } = line;
                    let scores = scores.0.entry((run, cell, instance_id, sample)).or_default();
                    scores.extend(score.map(|score| (scorer.to_owned(), score)));
                }
            }
        }
        Ok(scores)
    }

    /// Returns the scores of an episode, by scorer.
    pub(super) fn of(&self, run: usize, cell: &str, instance_id: &str, sample: u32) -> BTreeMap<String, f64> {
        self.0.get(&(run, cell.to_owned(), instance_id.to_owned(), sample)).cloned().unwrap_or_default()
    }

    /// Returns the names of the scorers.
    pub(super) fn scorers(&self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.0.values().flat_map(BTreeMap::keys).collect();
        names.into_iter().cloned().collect()
    }

    /// Returns the scores of a scorer for the candidates of a pool, in their order.
    pub(super) fn in_pool(&self, pool: &Pool, scorer: &str, sources: &[Source]) -> verifier::curves::Scores {
        let place = |run: &std::path::Path| sources.iter().position(|source| source.run.folder() == run);
        let one = |id: &str, member: &verifier::Member| {
            self.of(place(&member.run)?, &member.cell, id, member.sample).get(scorer).copied()
        };
        let of = |(id, members): (&str, &[verifier::Member])| {
            (id.to_owned(), members.iter().map(|member| one(id, member)).collect())
        };
        pool.instances().map(of).collect()
    }
}
