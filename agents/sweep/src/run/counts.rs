//! The limits of a sweep, and the counts of its results.

use std::time::{Duration, Instant};

use crate::file::{Budget, Spec};

/// So many failures of infrastructure in a row, beside two for each worker, end a sweep.
const IN_A_ROW: usize = 16;

/// The limits of a sweep.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What it may spend in total.
    pub budget: Budget,
    /// When it ends.
    pub deadline: Option<Instant>,
    /// Once this many samples of a cell have solved an instance, the rest are skipped.
    pub solved: Option<u32>,
    /// How often an episode is retried when infrastructure broke.
    pub retries: u32,
    /// The pause before the first of these.
    pub wait: Duration,
    /// After this many infrastructure failures in a row the sweep ends.
    pub in_a_row: usize,
}

/// What became of the episodes that a command worked on.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Resolved.
    pub solved: usize,
    /// Not resolved.
    pub unsolved: usize,
    /// Ended, in a sweep that judges no patch.
    pub not_judged: usize,
    /// Given up, because infrastructure failed too often.
    pub infrastructure: usize,
    /// Skipped, because enough samples have solved the instance.
    pub left: usize,
    /// Ended by another process.
    pub elsewhere: usize,
    /// Had their results from earlier commands.
    pub kept: usize,
    /// Why the sweep was stopped before all had ended.
    pub stopped: Option<String>,
}

impl Limits {
    /// Returns the limits of a command that starts now, with this many workers.
    pub(super) fn new(spec: &Spec, workers: usize) -> Self {
        let hours = spec.budget.hours.and_then(|hours| Duration::try_from_secs_f64(hours * 3600.0).ok());
        Self {
            budget: spec.budget.clone(),
            deadline: hours.and_then(|hours| Instant::now().checked_add(hours)),
            solved: spec.stop.solved,
            retries: spec.retries.count,
            wait: Duration::from_secs_f64(spec.retries.wait),
            in_a_row: IN_A_ROW + 2 * workers,
        }
    }
}
