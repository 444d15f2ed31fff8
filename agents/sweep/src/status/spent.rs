//! What a run has cost so far.

use agent_core::Spending;
use serde::Serialize;

use super::live::Progress;

/// What the episodes of a run have taken so far, those in flight included. Where `unknown` or `unpriced` is not 0, it is the
/// least that was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Tokens read and written; `None` where no server tells any.
    pub tokens: Option<u64>,
    /// US dollars; `None` where no price is known.
    pub cost: Option<f64>,
    /// Episodes that began and of which it is not known, or not all, what they took.
    pub unknown: usize,
    /// Answers whose price is not known.
    pub unpriced: u64,
}

impl Spent {
    /// Adds an episode that has ended.
    pub(super) fn add_ended(&mut self, spending: Option<&Spending>) {
        let Some(spending) = spending else {
            self.unknown += 1;
            return;
        };
        let spending = spending.paid();
        self.add(spending.usage.total(), spending.cost, spending.queries, spending.unpriced_queries);
    }

    /// Adds an episode in flight.
    pub(super) fn add_live(&mut self, progress: Option<&Progress>) {
        let Some(progress) = progress else {
            self.unknown += 1;
            return;
        };
        self.unknown += usize::from(!progress.is_whole);
        let answers =
            if progress.tokens > 0 || progress.cost > 0.0 { progress.unpriced + 1 } else { progress.unpriced };
        self.add(progress.tokens, progress.cost, answers, progress.unpriced);
    }

    fn add(&mut self, tokens: u64, cost: f64, answers: u64, unpriced: u64) {
        if tokens > 0 {
            *self.tokens.get_or_insert_default() += tokens;
        }
        if answers > unpriced {
            *self.cost.get_or_insert_default() += cost;
        }
        self.unpriced += unpriced;
    }

    /// Returns whether more may have been spent.
    pub(super) fn is_least(&self) -> bool {
        self.unknown > 0 || self.unpriced > 0
    }
}
