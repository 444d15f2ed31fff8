//! The scores that `verify` has written into the folders of runs.

use std::collections::BTreeMap;

use verifier::{Pool, ScoreFile, scores_of_run};

use super::gathered::Source;

/// Scores of episodes: by run, those of each scorer.
#[derive(Debug, Default)]
pub(crate) struct Scores(Vec<BTreeMap<String, ScoreFile>>);

impl Scores {
    /// Reads the files `scores.NAME.jsonl` of runs.
    pub(super) fn read(sources: &[Source]) -> anyhow::Result<Self> {
        let runs = sources.iter().map(|source| scores_of_run(source.run.folder()));
        Ok(Self(runs.collect::<anyhow::Result<_>>()?))
    }

    /// Returns the scores of an episode, by scorer.
    pub(super) fn of(&self, run: usize, cell: &str, instance_id: &str, sample: u32) -> BTreeMap<String, f64> {
        let files = self.0.get(run).into_iter().flatten();
        files.filter_map(|(scorer, file)| Some((scorer.clone(), file.of(cell, instance_id, sample)??))).collect()
    }

    /// Returns the names of the scorers.
    pub(super) fn scorers(&self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.0.iter().flat_map(BTreeMap::keys).collect();
        names.into_iter().cloned().collect()
    }

    /// Returns the scores of a scorer for the candidates of a pool, in their order.
    pub(super) fn in_pool(&self, pool: &Pool, scorer: &str, sources: &[Source]) -> verifier::curves::Scores {
        let place = |run: &std::path::Path| sources.iter().position(|source| source.run.folder() == run);
        let one = |id: &str, member: &verifier::Member| {
            self.0.get(place(&member.run)?)?.get(scorer)?.of(&member.cell, id, member.sample)?
        };
        let of = |(id, members): (&str, &[verifier::Member])| {
            (id.to_owned(), members.iter().map(|member| one(id, member)).collect())
        };
        pool.instances().map(of).collect()
    }
}
