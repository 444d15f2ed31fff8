//! How many of a kind there may be at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how many slots are taken.
#[derive(Debug, Default)]
pub(crate) struct Slots(Arc<AtomicUsize>);

/// A slot that is taken, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    /// Returns how many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Takes one where fewer than `most` are taken.
    pub(crate) fn take(&self, most: usize) -> Option<Slot> {
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Slot(self.0.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
