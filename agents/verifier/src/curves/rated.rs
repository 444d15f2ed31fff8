//! What a scorer says of the candidates, together and by subset.

use std::collections::BTreeMap;

use crate::candidate::{Candidates, Scorer};
use crate::estimate::{Subsets, best_at, subsets};

/// Scores, one a candidate, by instance.
pub type Scores = BTreeMap<String, Vec<Option<f64>>>;

/// The scores of a scorer, and what it picks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rated {
    /// The scorer.
    pub name: String,
    /// The scores of all candidates, rated together.
    pub scores: Scores,
    /// For a scorer that compares, what it picks of each k from 1; an instance that is not here is picked from by `scores`.
    pub picked: BTreeMap<String, Vec<Picked>>,
}

/// The chance that what is picked of a subset of k candidates is resolved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picked {
    /// The mean over the subsets.
    pub mean: f64,
    /// The chance for each of the drawn subsets; empty where the mean is over all.
    pub drawn: Vec<f64>,
}

impl Rated {
    /// Returns what one rating of all candidates gives, which is all that is needed of a scorer that does not compare.
    pub fn once(name: &str, scores: Scores) -> Self {
        Self { name: name.to_owned(), scores, picked: BTreeMap::new() }
    }

    /// Returns the resolved share of the picks of `k` for an instance with these verdicts, over subsets.
    pub(super) fn best(&self, k: usize, instance_id: &str, resolved: &[bool]) -> f64 {
        match self.picked_of(k, instance_id) {
            Some(picked) => picked.mean,
            None => best_at(k, &self.scores_of(instance_id, resolved.len()), resolved),
        }
    }

    /// Returns what was picked of `k`, or of all where there are fewer.
    pub(super) fn picked_of(&self, k: usize, instance_id: &str) -> Option<&Picked> {
        let picked = self.picked.get(instance_id)?;
        picked.get(k.min(picked.len()).checked_sub(1)?)
    }

    /// Returns so many scores, `None` for those that are missing.
    pub(super) fn scores_of(&self, instance_id: &str, count: usize) -> Vec<Option<f64>> {
        let mut scores = self.scores.get(instance_id).cloned().unwrap_or_default();
        scores.resize(count, None);
        scores
    }
}

/// Seed of the subsets that are drawn, where there are too many to take all; one for all scorers.
const SEED: u64 = 42;

/// Returns the subsets of each k up to `n` of the candidates of an instance: the same ones for all scorers.
pub(crate) fn drawn(instance_id: &str, candidates: usize, n: usize) -> Vec<Subsets> {
    let seed = SEED ^ seed_of(instance_id);
    (1..=n.min(candidates)).map(|k| subsets(k, candidates, seed)).collect()
}

/// Returns what a scorer that compares picks of each k up to `n`: every drawn subset is rated anew.
///
/// # Errors
/// When it cannot rate.
pub async fn pick_by_subsets(
    scorer: &dyn Scorer,
    candidates: &Candidates,
    resolved: &[bool],
    n: usize,
) -> anyhow::Result<Vec<Picked>> {
    let drawn = drawn(&candidates.instance_id, resolved.len(), n);
    // Together, so that what is counted of the candidates is counted once.
    let places: Vec<Vec<usize>> = drawn.iter().flat_map(|one| one.places.iter().cloned()).collect();
    let scores = scorer.rate_subsets(candidates, &places).await?;
    let mut rest = scores.as_slice();
    let of = |one: Subsets| {
        let (scores, behind) = rest.split_at(one.places.len().min(rest.len()));
        rest = behind;
        picked_of_subsets(&one.places, scores, resolved, one.are_all)
    };
    Ok(drawn.into_iter().map(of).collect())
}

/// Returns the chances of the picks of these subsets.
pub(crate) fn picked_of_subsets(
    subsets: &[Vec<usize>],
    scores: &[Vec<Option<f64>>],
    resolved: &[bool],
    are_all: bool,
) -> Picked {
    let chance = |(places, scores): (&Vec<usize>, &Vec<Option<f64>>)| {
        let resolved: Vec<bool> = places.iter().filter_map(|place| resolved.get(*place).copied()).collect();
        best_at(places.len(), scores, &resolved)
    };
    let chances: Vec<f64> = subsets.iter().zip(scores).map(chance).collect();
    let mean = chances.iter().sum::<f64>() / chances.len().max(1) as f64;
    Picked { mean, drawn: if are_all { Vec::new() } else { chances } }
}

/// Returns a number for an instance by FNV-1a, so that its subsets do not hang on which others there are.
pub(crate) fn seed_of(instance_id: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    instance_id.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}
