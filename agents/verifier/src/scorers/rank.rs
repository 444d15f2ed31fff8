//! R2E-Gym's rule.

use async_trait::async_trait;

use super::tests::Tests;
use crate::candidate::{Candidates, Scorer};

/// R2E-Gym's rule (arXiv 2504.07164): keeps the better half by another score, three candidates at least, then goes by the
/// tests of the repository that pass, then by those that agents wrote, then by the other score. The score is the place in that
/// order, from 1 down; equals share the mean of their places. Of what has no other score, none is kept before the others.
/// Where the tests of the repository were run on others, what they were not run on has no place.
pub struct Rank {
    base: Box<dyn Scorer>,
    tests: Tests,
}

/// The least that are kept.
const LEAST: usize = 3;

impl Rank {
    /// Returns the rule over another scorer and what tests showed.
    pub fn new(base: Box<dyn Scorer>, tests: Tests) -> Self {
        Self { base, tests }
    }
}

/// What candidates are ordered by, the greatest first.
type Key = (bool, usize, usize, f64);

#[async_trait]
impl Scorer for Rank {
    fn name(&self) -> &str {
        "rank"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let base = self.base.rate(candidates).await?;
        Ok(self.order(candidates, &base))
    }

    fn compares(&self) -> bool {
        true
    }

    async fn rate_subsets(
        &self,
        candidates: &Candidates,
        subsets: &[Vec<usize>],
    ) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        let bases = self.base.rate_subsets(candidates, subsets).await?;
        let of = |(places, base): (&Vec<usize>, &Vec<Option<f64>>)| self.order(&candidates.of(places), base);
        Ok(subsets.iter().zip(&bases).map(of).collect())
    }

    fn at_once(&self) -> usize {
        self.base.at_once()
    }

    fn remarks(&self) -> Vec<String> {
        self.base.remarks()
    }
}

impl Rank {
    /// Returns the scores by those of the base.
    fn order(&self, candidates: &Candidates, base: &[Option<f64>]) -> Vec<Option<f64>> {
        let of = |at: usize| self.tests.of(&candidates.instance_id, candidates.candidates.get(at)?.place);
        let count = candidates.candidates.len();
        let were_run = |place: usize| of(place).is_some_and(|tested| tested.regression.is_some());
        let are_run = (0..count).any(were_run);
        let is_out = |place: usize| of(place).is_some_and(|tested| tested.failure.is_some() && tested.score.is_some());
        // What nothing is known of has no place.
        let is_rated = |place: &usize| {
            let is_known = base.get(*place).copied().flatten().is_some()
                || of(*place).is_some_and(|tested| tested.score.is_some());
            is_known && (!are_run || were_run(*place) || is_out(*place))
        };
        let rated: Vec<usize> = (0..count).filter(is_rated).collect();
        let score = |place: usize| base.get(place).copied().flatten().unwrap_or(f64::NEG_INFINITY);
        let mut by_base = rated.clone();
        by_base.sort_by(|one, other| score(*other).total_cmp(&score(*one)));
        let kept = rated.len().div_ceil(2).max(LEAST);
        // Equals of the last that is kept are kept as well: nothing tells them apart.
        let least =
            by_base.get(kept.min(rated.len()).saturating_sub(1)).map_or(f64::NEG_INFINITY, |place| score(*place));
        let key = |place: usize| -> Key {
            let passed = |share: Option<crate::trials::Share>| share.map_or(0, |share| share.passed);
            let (kept, written) =
                of(place).map_or((0, 0), |tested| (passed(tested.regression), passed(tested.written)));
            if score(place) >= least { (true, kept, written, score(place)) } else { (false, 0, 0, score(place)) }
        };
        let keys: Vec<Key> = rated.iter().map(|place| key(*place)).collect();
        let order = |one: &Key, other: &Key| {
            (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)).then(one.3.total_cmp(&other.3))
        };
        let mut scores = vec![None; count];
        for (place, key) in rated.iter().zip(&keys) {
            let better = keys.iter().filter(|other| order(other, key).is_gt()).count() as f64;
            let equal = keys.iter().filter(|other| order(other, key).is_eq()).count() as f64;
            if let Some(score) = scores.get_mut(*place) {
                *score = Some(1.0 - (better + (equal - 1.0) / 2.0) / rated.len() as f64);
            }
        }
        scores
    }
}
