//! One request on its way through a lane.

use std::sync::Arc;

use agent_core::Usage;
use tokio::time::Instant;

use crate::limits::account::Taken;
use crate::limits::amounts::Amounts;
use crate::limits::estimate::{Size, Tokens};
use crate::limits::exchange::{End, Exchange};
use crate::limits::lane::{Lane, Place};

/// The right to send one request. What was taken for it is put right when it ends, and counts whole when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    lane: Arc<Lane>,
    pub(crate) exchange: Arc<Exchange>,
    /// Where limits make it worth measuring.
    size: Option<(Size, Tokens)>,
    /// Tokens of the minute.
    tokens: Option<Taken>,
    /// What it may cost.
    budget: Option<Taken>,
    sent: Instant,
    has_ended: bool,
}

impl Ticket {
    pub(crate) fn new(lane: Arc<Lane>, place: Place, size: Option<(Size, Tokens)>, budget: Option<Taken>) -> Self {
        let Place { exchange, tokens, sent } = place;
        Self { lane, exchange, size, tokens, budget: budget.map(Taken::counting), sent, has_ended: false }
    }

    /// Notes an answer, and what it took.
    pub(crate) fn answered(mut self, usage: &Usage, cost: Option<f64>) {
        self.has_ended = true;
        let is_known = usage.total() > 0;
        if let Some((size, _)) = self.size {
            self.lane.learn(size, usage);
        }
        if let Some(taken) = self.tokens.take() {
            let reserved = taken.amounts();
            taken.settle(if is_known { Amounts([0.0, usage.total() as f64]) } else { reserved });
        }
        if let Some(taken) = self.budget.take() {
            let Amounts([most, tokens]) = taken.amounts();
            let tokens = if is_known { usage.total() as f64 } else { tokens };
            taken.settle(Amounts([cost.unwrap_or(most), tokens]));
        }
        self.lane.end(self.sent, &self.exchange, End::Answered);
    }

    /// Notes how a request ended without an answer.
    pub(crate) fn failed(mut self, end: End) {
        self.has_ended = true;
        // A server that sends a request away bills nothing. One whose answer was lost may do so.
        if end.is_free() {
            for taken in [self.tokens.take(), self.budget.take()].into_iter().flatten() {
                taken.settle(Amounts::default());
            }
        }
        self.lane.end(self.sent, &self.exchange, end);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.has_ended {
            self.lane.end(self.sent, &self.exchange, End::Given);
        }
    }
}
