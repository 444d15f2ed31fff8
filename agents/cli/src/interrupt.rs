//! What a command still does when it is interrupted.

use std::sync::{Mutex, PoisonError};

/// What a command still does when it is interrupted, after its sandboxes are gone.
#[derive(Default)]
pub(crate) struct AtInterrupt(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl AtInterrupt {
    /// Sets it, in the place of what was set earlier.
    pub(crate) fn set(&self, work: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
    }

    /// Does it, once.
    pub(crate) fn run(&self) {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work();
        }
    }
}
