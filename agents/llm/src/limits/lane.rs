//! The way to one endpoint: who may send a request, and when.
//!
//! Requests go in the order in which they came. The first in line waits for the limits of the minute, for the end of a
//! pause that the server asked for, and for its place among those in flight; the others wait for the first, so that
//! there is one timer for a lane and none for a request. Whoever gives up waiting leaves the line.
//!
//! A request counts from the moment at which it was written to its connection, for a minute and a second: it arrives
//! within that second, so that no minute by the server's clock holds more than the limit. Until it was written, it
//! counts as well. Tokens count from before the request is sent until a minute after its answer, since servers differ
//! in when they count them; what was estimated is put right by the server's own figures.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use agent_core::Usage;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::RateConfig;
use crate::limits::account::{Account, Denied, Taken, Window};
use crate::limits::amounts::{Amounts, Limits};
use crate::limits::breaker::Breaker;
use crate::limits::concurrency::Concurrency;
use crate::limits::estimate::{Estimate, Size, Tokens};
use crate::limits::exchange::{End, Exchange};

/// The longest pause for which a request waits rather than go to another endpoint, which has not read its prompt
/// before.
pub(crate) const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// How long a request may be on its way however short a minute is, as it is in tests.
const LEAST_SLACK: Duration = Duration::from_millis(250);

/// The way to one endpoint.
#[derive(Debug)]
pub(crate) struct Lane {
    name: String,
    /// Its holder is the first in the queue.
    first: Semaphore,
    state: Mutex<State>,
    freed: Notify,
    /// The limits of the minute, where there are any.
    account: OnceLock<Arc<Account>>,
    minute: Duration,
    /// Where other processes share the minute.
    folder: Option<PathBuf>,
}

#[derive(Debug)]
struct State {
    concurrency: Concurrency,
    breaker: Breaker,
    estimate: Estimate,
    paused_until: Option<Instant>,
}

/// A place in a lane.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) tokens: Option<Taken>,
    pub(crate) sent: Instant,
}

/// Why there is no place.
#[derive(Debug)]
pub(crate) enum NoPlace {
    /// The server asked for a longer pause than one waits for.
    Paused(Duration),
    Broken(std::io::Error),
}

impl Lane {
    /// Returns the lane of an endpoint without limits; processes that name the same `folder` share its minute.
    pub(crate) fn new(name: &str, minute: Duration, folder: Option<PathBuf>) -> Self {
        let state = State {
            concurrency: Concurrency::default(),
            breaker: Breaker::default(),
            estimate: Estimate::default(),
            paused_until: None,
        };
        let (first, freed, account) = (Semaphore::new(1), Notify::new(), OnceLock::new());
        Self { name: name.to_owned(), first, state: Mutex::new(state), freed, account, minute, folder }
    }

    /// Lets the stricter of the limits so far and of `rate` hold.
    pub(crate) fn restrict(&self, rate: &RateConfig) -> std::io::Result<()> {
        self.lock().concurrency.restrict(rate.max_parallel_requests);
        let limits = Limits([rate.rpm.map(|most| most as f64), rate.tpm.map(|most| most as f64)]);
        if limits.are_none() {
            return Ok(());
        }
        if self.account.get().is_none() {
            let window = Window { length: self.minute, slack: (self.minute / 60).max(LEAST_SLACK) };
            let account = Account::open(limits, Some(window), self.folder.as_deref())?;
            // Where another one was first, that one is restricted.
            let _ = self.account.set(account);
        }
        if let Some(account) = self.account.get() {
            account.restrict(limits);
        }
        Ok(())
    }

    /// Returns whether requests must be measured.
    pub(crate) fn is_limited(&self) -> bool {
        self.account.get().is_some()
    }

    pub(crate) fn estimate(&self, size: Size) -> Tokens {
        self.lock().estimate.of(size)
    }

    pub(crate) fn learn(&self, size: Size, usage: &Usage) {
        self.lock().estimate.learn(size, usage);
    }

    /// Returns how long another endpoint is to be asked in place of this one; `None` when this one can be asked.
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut state = self.lock();
        let paused = state.paused_until.map(|until| until.saturating_duration_since(now));
        if let Some(paused) = paused.filter(|paused| *paused > SHORT_PAUSE) {
            return Some(paused);
        }
        state.breaker.closed_until(now).map(|until| until.saturating_duration_since(now))
    }

    /// Waits for the turn of a request of so many tokens, but not for a pause that is longer than `patience`.
    pub(crate) async fn enter(self: &Arc<Self>, tokens: f64, patience: Duration) -> Result<Place, NoPlace> {
        // It is never closed.
        let _first = self.first.acquire().await;
        let mut taken = match self.account.get() {
            None => None,
            Some(account) => Some(account.take(Amounts([1.0, tokens])).await.map_err(|denied| match denied {
                Denied::Broken(err) => NoPlace::Broken(err),
                Denied::Exhausted => NoPlace::Broken(std::io::Error::other("a limit per minute is 0")),
            })?),
        };
        loop {
            let freed = self.freed.notified();
            match self.try_enter() {
                Entry::Free => break,
                Entry::Full => freed.await,
                Entry::Paused(pause) if pause > patience => {
                    if let Some(taken) = taken {
                        taken.settle(Amounts::default());
                    }
                    return Err(NoPlace::Paused(pause));
                }
                Entry::Paused(pause) => drop(tokio::time::timeout(pause, freed).await),
            }
        }
        let exchange = Exchange::default();
        // The request's own part counts from when it is written, the tokens until it is answered.
        let exchange = match taken.as_mut().map(|taken| taken.split().counting()) {
            Some(request) => exchange.watched(move |was_sent| {
                request.settle(if was_sent { Amounts([1.0, 0.0]) } else { Amounts::default() });
            }),
            None => exchange,
        };
        Ok(Place { exchange: Arc::new(exchange), tokens: taken.map(Taken::counting), sent: Instant::now() })
    }

    fn try_enter(&self) -> Entry {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(until) = state.paused_until {
            if until > now {
                return Entry::Paused(until - now);
            }
            state.paused_until = None;
        }
        if state.concurrency.begin() { Entry::Free } else { Entry::Full }
    }

    /// Notes how a request ended, and gives its place to the next.
    pub(crate) fn end(&self, sent: Instant, exchange: &Exchange, end: End) {
        exchange.end();
        let now = Instant::now();
        let mut state = self.lock();
        match end {
            End::Answered => state.concurrency.raise(),
            End::Busy | End::TooLate => state.concurrency.lower(sent),
            End::Refused | End::Failed | End::Gone | End::Lost | End::Given => {}
        }
        state.concurrency.end();
        let (was_down, is_down) = match end {
            End::Answered | End::Refused => (state.breaker.succeeded(), false),
            End::Busy if !exchange.is_unavailable() => (state.breaker.succeeded(), false),
            End::Busy | End::Failed | End::TooLate | End::Lost => (false, state.breaker.failed(sent, false, now)),
            End::Gone => (false, state.breaker.failed(sent, true, now)),
            End::Given => (false, false),
        };
        if let Some(until) = exchange.pause().and_then(|pause| now.checked_add(pause)) {
            state.paused_until = state.paused_until.max(Some(until));
        }
        drop(state);
        self.freed.notify_one();
        if was_down {
            tracing::info!("`{}` answers again", self.name);
        } else if is_down {
            tracing::warn!("`{}` does not answer: other endpoints, if any, are used until it does", self.name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entry {
    Free,
    Full,
    Paused(Duration),
}
