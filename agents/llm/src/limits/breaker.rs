//! Whether an endpoint is down, and when it is retried.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which an endpoint counts as down.
const FAILURES: u32 = 3;
/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// A circuit breaker: open while the endpoint is down, with one request now and then that finds out whether it is back.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Instant,
    pause: Duration,
    /// When the next request may find out.
    until: Instant,
}

impl Breaker {
    /// Returns when a request may be sent; `None` for now. Whoever is let through while the endpoint counts as down is
    /// the one that finds out, and the others wait for another pause.
    pub(crate) fn closed_until(&mut self, now: Instant) -> Option<Instant> {
        let open = self.open.as_mut()?;
        if open.until > now {
            return Some(open.until);
        }
        open.until = now + open.pause;
        None
    }

    /// Notes an answer, and returns whether the endpoint is back with it.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// Notes at `now` that a request failed that was sent at `sent`; `is_gone` says that no connection came about.
    /// Returns whether the endpoint counts as down with it.
    pub(crate) fn failed(&mut self, sent: Instant, is_gone: bool, now: Instant) -> bool {
        self.failures += 1;
        let pause = match self.open {
            // It was in flight when the endpoint went down, and tells nothing new.
            Some(open) if sent <= open.since => return false,
            Some(open) => (open.pause * 2).min(LONGEST),
            None if is_gone || self.failures >= FAILURES => FIRST,
            None => return false,
        };
        let was_closed = self.open.is_none();
        self.open = Some(Open { since: now, pause, until: now + pause });
        was_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_at_a_time_finds_out_and_pauses_grow() {
        let mut breaker = Breaker::default();
        let sent = Instant::now();
        assert!(!breaker.failed(sent, false, sent) && !breaker.failed(sent, false, sent));
        assert!(breaker.failed(sent, false, sent));
        let mut now = sent + Duration::from_millis(10);
        assert!(!breaker.failed(sent, true, now), "it was in flight then");
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(breaker.closed_until(now).is_some(), "{pause}");
            now += Duration::from_secs(pause);
            assert!(breaker.closed_until(now).is_none());
            assert!(breaker.closed_until(now).is_some(), "a second one is let through");
            assert!(!breaker.failed(now, false, now));
        }
        assert!(breaker.succeeded());
        assert!(breaker.closed_until(now).is_none());
    }

    #[test]
    fn an_endpoint_that_takes_no_connection_is_down_at_once() {
        let now = Instant::now();
        assert!(Breaker::default().failed(now, true, now));
    }
}
