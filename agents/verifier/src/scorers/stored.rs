//! Scores that are there already.

use async_trait::async_trait;

use crate::candidate::{Candidates, Scorer};
use crate::curves::Scores;

/// Scores that were made before, here or elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    name: String,
    scores: Scores,
}

impl Stored {
    /// Returns the scorer of these scores, one a candidate, by instance.
    pub fn new(name: impl Into<String>, scores: Scores) -> Self {
        Self { name: name.into(), scores }
    }
}

#[async_trait]
impl Scorer for Stored {
    fn name(&self) -> &str {
        &self.name
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let scores = self.scores.get(&candidates.instance_id).map(Vec::as_slice).unwrap_or_default();
        Ok(candidates.candidates.iter().map(|candidate| scores.get(candidate.place).copied().flatten()).collect())
    }
}
