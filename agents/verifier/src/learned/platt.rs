//! Scores made into probabilities.

use serde::{Deserialize, Serialize};

use super::logistic::{Row, dot, fit, sigmoid};

/// The line that takes a raw score to the logarithm of the odds (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Platt {
    slope: f64,
    offset: f64,
}

impl Platt {
    /// Fits the line to raw scores of candidates that the model was not trained on.
    pub(super) fn fit(scored: &[(f64, bool)]) -> Self {
        let row =
            |(score, resolved): &(f64, bool)| Row { features: vec![1.0, *score], is_positive: *resolved, weight: 1.0 };
        let rows: Vec<Row> = scored.iter().map(row).collect();
        match fit(&rows, 1.0, Some(0)).as_slice() {
            // A model that is wrong more often than right on what it has not seen says nothing; it does not say the opposite.
            [offset, slope] => Self { slope: slope.max(1e-3), offset: *offset },
            _ => Self { slope: 1.0, offset: 0.0 },
        }
    }

    /// Returns the probability.
    pub(super) fn probability(self, score: f64) -> f64 {
        sigmoid(dot(&[self.slope, self.offset], &[score, 1.0]))
    }
}
