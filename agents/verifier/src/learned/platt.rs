//! Scores made into probabilities.

use serde::{Deserialize, Serialize};

use super::objective::{Table, minimize, sigmoid};

/// The line that takes a raw score to the logarithm of the odds (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Platt {
    slope: f64,
    offset: f64,
}

impl Platt {
    /// The line that changes nothing.
    pub(super) const NONE: Self = Self { slope: 1.0, offset: 0.0 };

    /// Fits the line to raw scores of candidates that the model was not trained on, each with how much it counts.
    ///
    /// # Errors
    /// When a score is no number.
    pub(super) fn fit(scored: &[(f64, bool, f64)]) -> anyhow::Result<Self> {
        let mut table = Table::new(2);
        scored
            .iter()
            .for_each(|(score, resolved, weight)| table.add(&[(vec![1.0, *score], None)], &[*resolved], *weight));
        if scored.is_empty() {
            return Ok(Self::NONE);
        }
        Ok(match minimize(&table, &[1e-6, 1.0], vec![0.0, 1.0])?.as_slice() {
            // A model that is wrong more often than right on what it has not seen says nothing; it does not say the opposite.
            [offset, slope] => Self { slope: slope.max(1e-3), offset: *offset },
            _ => Self::NONE,
        })
    }

    /// Returns the probability.
    pub(super) fn probability(self, score: f64) -> f64 {
        sigmoid(self.slope * score + self.offset)
    }
}
