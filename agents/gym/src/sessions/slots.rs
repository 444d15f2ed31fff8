//! How many of a kind there may be at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Slots, of which each can be taken once at a time.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    most: usize,
}

/// A slot that is taken, for as long as this value lives.
pub(crate) type Slot = OwnedSemaphorePermit;

impl Slots {
    /// Returns so many slots.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(most)), most }
    }

    /// Returns how many there are.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Returns how many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.most - self.free.available_permits()
    }

    /// Takes one, where one is free.
    pub(crate) fn take(&self) -> Option<Slot> {
        self.free.clone().try_acquire_owned().ok()
    }
}
