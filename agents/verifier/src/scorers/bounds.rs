//! What every scorer is measured against.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::candidate::{Candidate, Candidates, Scorer};
use crate::curves::seed_of;

/// Picks any candidate. Scores are even numbers from 0 to 1 that depend on the seed, the instance and the place alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Random {
    /// The seed.
    pub seed: u64,
}

/// Picks the candidate that was sampled first.
#[derive(Debug, Clone, Copy, Default)]
pub struct First;

/// Picks a resolved candidate wherever there is one: the upper bound, which no scorer can reach, as it knows the verdicts.
#[derive(Debug, Clone)]
pub struct Oracle {
    verdicts: BTreeMap<String, Vec<Option<bool>>>,
}

impl Oracle {
    /// Returns the bound for these verdicts, one a candidate.
    pub fn new(verdicts: BTreeMap<String, Vec<Option<bool>>>) -> Self {
        Self { verdicts }
    }
}

#[async_trait]
impl Scorer for Random {
    fn name(&self) -> &str {
        "random"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let last = candidates.candidates.iter().map(|candidate| candidate.place).max().unwrap_or_default();
        let mut random = fastrand::Rng::with_seed(self.seed ^ seed_of(&candidates.instance_id));
        let drawn: Vec<f64> = (0..=last).map(|_| random.f64()).collect();
        Ok(candidates.candidates.iter().map(|candidate| drawn.get(candidate.place).copied()).collect())
    }
}

#[async_trait]
impl Scorer for First {
    fn name(&self) -> &str {
        "first"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let score = |candidate: &Candidate| Some(1.0 / (candidate.place as f64 + 1.0));
        Ok(candidates.candidates.iter().map(score).collect())
    }
}

#[async_trait]
impl Scorer for Oracle {
    fn name(&self) -> &str {
        "oracle"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let verdicts = self.verdicts.get(&candidates.instance_id).map(Vec::as_slice).unwrap_or_default();
        let score = |place: usize| verdicts.get(place).copied().flatten().map(|resolved| f64::from(u8::from(resolved)));
        Ok(candidates.candidates.iter().map(|candidate| score(candidate.place)).collect())
    }
}
