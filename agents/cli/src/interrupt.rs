//! What a command still does when it is interrupted.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// What a command still does when it is interrupted, after its sandboxes are gone.
#[derive(Default)]
pub(crate) struct AtInterrupt {
    work: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// What ends the command with what is under way.
    drain: Mutex<Option<Drain>>,
}

/// What ends a command with what is under way.
struct Drain {
    token: CancellationToken,
    /// Whether also a signal has it do so that no person at a terminal sends.
    at_any: bool,
}

impl AtInterrupt {
    /// Sets it, in place of what was set earlier.
    pub(crate) fn set(&self, work: impl FnOnce() + Send + 'static) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
    }

    /// Has the first interrupt end the command with what is under way.
    pub(crate) fn drain(&self, drain: &CancellationToken) {
        self.set_drain(Drain { token: drain.clone(), at_any: false });
    }

    /// Has the first signal of any kind end the command with what is under way, as those who serve others do.
    #[cfg(feature = "gym")]
    pub(crate) fn drain_at_any(&self, drain: &CancellationToken) {
        self.set_drain(Drain { token: drain.clone(), at_any: true });
    }

    fn set_drain(&self, drain: Drain) {
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner) = Some(drain);
    }

    /// Has the command end with what is under way; returns whether it is one that can, and was not about to already.
    /// `by_person` is whether a person at a terminal asks for it: whoever sends another signal mostly has no time for that.
    pub(crate) fn begin_to_drain(&self, by_person: bool) -> bool {
        let mut drain = self.drain.lock().unwrap_or_else(PoisonError::into_inner);
        drain.take_if(|drain| by_person || drain.at_any).is_some_and(|Drain { token, .. }| {
            let is_new = !token.is_cancelled();
            token.cancel();
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
