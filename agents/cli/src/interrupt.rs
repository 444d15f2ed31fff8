//! What a command still does when it is interrupted.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// What a command still does when it is interrupted, after its sandboxes are gone.
#[derive(Default)]
pub(crate) struct AtInterrupt {
    work: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// What ends the command with what is under way.
    drain: Mutex<Option<CancellationToken>>,
}

impl AtInterrupt {
    /// Sets it, in place of what was set earlier.
    pub(crate) fn set(&self, work: impl FnOnce() + Send + 'static) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
    }

    /// Has the first interrupt end the command with what is under way.
    pub(crate) fn drain(&self, drain: &CancellationToken) {
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner) = Some(drain.clone());
    }

    /// Has the command end with what is under way; returns whether it is one that can, and was not about to already.
    pub(crate) fn begin_to_drain(&self) -> bool {
        let drain = self.drain.lock().unwrap_or_else(PoisonError::into_inner).take();
        drain.is_some_and(|drain| {
            let is_new = !drain.is_cancelled();
            drain.cancel();
            is_new
        })
    }

    /// Does it, once.
    pub(crate) fn run(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work();
        }
    }
}
