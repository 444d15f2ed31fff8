//! How many requests one endpoint is sent at once: one more with each round that goes well, half when it is too much.

use tokio::time::Instant;

/// The number of requests that may be in flight.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    in_flight: usize,
    /// The most that the settings allow.
    most: Option<usize>,
    /// What the endpoint was found to bear; `None` until it was too much.
    bears: Option<f64>,
    /// When that was last lowered. What was sent before tells nothing new.
    lowered: Option<Instant>,
}

impl Concurrency {
    /// Lets the stricter of the most so far and of `most` hold.
    pub(crate) fn restrict(&mut self, most: Option<usize>) {
        self.most = self.most.into_iter().chain(most).min();
    }

    /// Counts a request, unless there are as many as may be.
    pub(crate) fn begin(&mut self) -> bool {
        let is_free = self.limit().is_none_or(|limit| self.in_flight < limit);
        self.in_flight += usize::from(is_free);
        is_free
    }

    pub(crate) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Notes a request that went well.
    pub(crate) fn raise(&mut self) {
        if let Some(bears) = &mut self.bears {
            *bears += 1.0 / *bears;
        }
    }

    /// Notes that the endpoint had too much to do for a request that was sent at `sent`, and is still counted.
    pub(crate) fn lower(&mut self, sent: Instant) {
        if self.lowered.is_some_and(|lowered| sent <= lowered) {
            return;
        }
        let now = self.limit().unwrap_or(usize::MAX).min(self.in_flight.max(1));
        self.bears = Some((now as f64 / 2.0).max(1.0));
        self.lowered = Some(Instant::now());
    }

    fn limit(&self) -> Option<usize> {
        self.bears.map(|bears| bears as usize).into_iter().chain(self.most).min().map(|limit| limit.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_once_a_round_and_grows_by_one_a_round() {
        let mut concurrency = Concurrency { most: Some(64), ..Concurrency::default() };
        let sent = Instant::now();
        assert_eq!((0..100).filter(|_| concurrency.begin()).count(), 64);
        // All 64 are sent away, which is one round.
        for _ in 0..64 {
            concurrency.lower(sent);
            concurrency.end();
        }
        assert_eq!((0..100).filter(|_| concurrency.begin()).count(), 32);
        for _ in 0..32 {
            concurrency.end();
            concurrency.raise();
        }
        assert!([32, 33].contains(&(0..100).filter(|_| concurrency.begin()).count()));
    }

    #[test]
    fn it_never_falls_below_one_and_never_exceeds_the_settings() {
        let mut concurrency = Concurrency { most: Some(2), ..Concurrency::default() };
        for _ in 0..10 {
            concurrency.begin();
            std::thread::sleep(std::time::Duration::from_millis(1));
            concurrency.lower(Instant::now());
            concurrency.end();
        }
        assert_eq!((0..5).filter(|_| concurrency.begin()).count(), 1);
        (0..1000).for_each(|_| concurrency.raise());
        assert_eq!(1 + (0..5).filter(|_| concurrency.begin()).count(), 2);
    }
}
