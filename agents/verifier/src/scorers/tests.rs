//! What tests say.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::candidate::{Candidate, Candidates, Scorer};
use crate::trials::Tested;

/// Rates by the tests of the repository and those that agents wrote, which were run before.
#[derive(Debug, Clone, Default)]
pub struct Tests {
    tested: BTreeMap<String, Vec<Tested>>,
}

impl Tests {
    /// Returns the scorer of what tests showed, one a candidate, by instance.
    pub fn new(tested: BTreeMap<String, Vec<Tested>>) -> Self {
        Self { tested }
    }

    /// Returns what tests showed of a candidate.
    pub(super) fn of(&self, instance_id: &str, place: usize) -> Option<&Tested> {
        self.tested.get(instance_id)?.get(place)
    }
}

#[async_trait]
impl Scorer for Tests {
    fn name(&self) -> &str {
        "tests"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let score = |candidate: &Candidate| self.of(&candidates.instance_id, candidate.place)?.score;
        Ok(candidates.candidates.iter().map(score).collect())
    }
}
