//! What is noted of a request while it is sent and answered.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is told whether a request was written.
type Watcher = Box<dyn FnOnce(bool) + Send>;

/// What is noted of one request on its way.
#[derive(Default)]
pub(crate) struct Exchange {
    watcher: Mutex<Option<Watcher>>,
    seen: Mutex<Seen>,
    is_watched: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    status: Option<u16>,
    pause: Option<Duration>,
    trouble: Option<End>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer.
    Answered,
    /// The server did not take this one.
    Refused,
    /// The server has too much to do.
    Busy,
    /// The server failed.
    Failed,
    /// No connection came about.
    Gone,
    /// The answer took too long.
    TooLate,
    /// The answer was cut off.
    Lost,
    /// Nobody waited for the answer any more.
    Given,
}

impl End {
    /// Returns whether the server surely bills nothing.
    pub(crate) fn is_free(self) -> bool {
        matches!(self, Self::Refused | Self::Busy | Self::Failed | Self::Gone)
    }

    /// Returns whether another endpoint may do better.
    pub(crate) fn is_of_endpoint(self) -> bool {
        matches!(self, Self::Failed | Self::Gone | Self::TooLate | Self::Lost)
    }

    /// Returns what a status says.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            429 | 503 | 529 => Self::Busy,
            408 | 504 => Self::TooLate,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }
}

impl Exchange {
    /// Returns one whose `watcher` is told, once, whether the request was written, as soon as that is known.
    pub(crate) fn watched(self, watcher: impl FnOnce(bool) + Send + 'static) -> Self {
        Self { watcher: Mutex::new(Some(Box::new(watcher))), is_watched: true, ..self }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Notes that the request is being written to its connection.
    pub(crate) fn sent(&self) {
        self.tell(true);
    }

    /// Notes that the request came to its end; one that was not written by then never will be.
    pub(crate) fn end(&self) {
        let answered = self.lock().status.is_some();
        self.tell(answered);
    }

    /// Notes the status of the answer, and how long its headers ask to wait.
    pub(crate) fn answered(&self, status: u16, pause: Option<Duration>) {
        let mut seen = self.lock();
        (seen.status, seen.pause) = (Some(status), pause);
    }

    /// Notes what went wrong on the wire.
    pub(crate) fn failed(&self, end: End) {
        self.lock().trouble = Some(end);
    }

    /// Returns for how long the endpoint asks to be left alone.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.lock().pause
    }

    /// Returns whether the server said that it is not there for anyone, rather than that this client asks too often.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.lock().status.is_some_and(|status| status >= 500)
    }

    /// Returns how a request without an answer ended; `status` is what the body says where it says something.
    pub(crate) fn ended(&self, status: Option<u16>) -> End {
        let seen = *self.lock();
        let by_status = status.or(seen.status.filter(|status| *status >= 300)).map(End::of_status);
        seen.trouble.or(by_status).unwrap_or(End::Lost)
    }

    fn tell(&self, was_sent: bool) {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watcher) = watcher {
            watcher(was_sent);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exchange").field("seen", &self.seen).finish_non_exhaustive()
    }
}
