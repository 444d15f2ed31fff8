//! One episode whose calls come from outside.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agent_core::{Message, ToolCall};
use runner::driver::{Driver, End, Shown};
use serde_json::Value;
use tokio::sync::watch;

use super::answers::Answers;
use crate::{Abandoned, Reward};

/// One episode whose calls come from outside.
#[derive(Debug)]
pub(crate) struct Session {
    /// The id that the client knows it by.
    pub(crate) id: String,
    /// The instance.
    pub(crate) instance_id: String,
    driver: Driver,
    state: watch::Receiver<State>,
    /// When the client last asked for something.
    touched: Mutex<Instant>,
    /// Requests that wait for something.
    busy: AtomicUsize,
    /// Calls so far.
    calls: AtomicU64,
    /// The answers of the latest calls that came by HTTP.
    pub(crate) answers: Answers,
    /// Calls of one session are run one after another.
    turn: tokio::sync::Mutex<()>,
}

/// How far a session has got.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// Its sandbox is being made ready.
    Starting,
    /// It takes calls. The messages are what its agent would be told at the start.
    Ready(Arc<Vec<Message>>),
    /// It has ended.
    Ended(Arc<Ended>),
}

/// What came of a session.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// What it is worth.
    pub(crate) reward: Reward,
    /// The messages at the start; none where it never took a call.
    pub(crate) messages: Arc<Vec<Message>>,
}

/// What a call is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// What it showed; with what the session is worth where the call was the last one.
    Shown(Shown, Option<Arc<Ended>>),
    /// The session had ended before the call could be run, or ended while it was.
    Ended(Arc<Ended>),
    /// The session had ended before.
    Over(Arc<Ended>),
}

impl Session {
    pub(crate) fn new(id: String, instance_id: String, driver: Driver, state: watch::Receiver<State>) -> Self {
        Self {
            id,
            instance_id,
            driver,
            state,
            touched: Mutex::new(Instant::now()),
            busy: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            answers: Answers::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Notes that the client is there.
    pub(crate) fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Notes that the client waits for something, for as long as what is returned lives.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::AcqRel);
        self.touch();
        Busy(self)
    }

    /// Returns for how long the client has not been heard of; nothing while a call is under way.
    pub(crate) fn alone(&self) -> Duration {
        if self.busy.load(Ordering::Acquire) > 0 {
            return Duration::ZERO;
        }
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Returns how many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns how far it has got.
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until it takes calls or has ended. Whoever waits is there.
    pub(crate) async fn begun(&self) -> State {
        let _busy = self.busy();
        self.until(|state| !matches!(state, State::Starting)).await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) -> Arc<Ended> {
        match self.until(|state| matches!(state, State::Ended(_))).await {
            State::Ended(ended) => ended,
            State::Starting | State::Ready(_) => Arc::new(Ended::broken("the server stopped the session")),
        }
    }

    async fn until(&self, is_so: impl FnMut(&State) -> bool) -> State {
        let mut state = self.state.clone();
        match state.wait_for(is_so).await {
            Ok(state) => state.clone(),
            // Whoever had the episode in hand is gone, as when the server ends at once.
            Err(_) => State::Ended(Arc::new(Ended::broken("the server stopped the session"))),
        }
    }

    /// Has a tool called, and waits for what it showed; with the verdict where that was the end.
    pub(crate) async fn call(&self, name: &str, arguments: &Value) -> Answer {
        let _busy = self.busy();
        let _turn = self.turn.lock().await;
        if let State::Ended(ended) = self.begun().await {
            return Answer::Over(ended);
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = ToolCall { id: format!("call_{number}"), name: name.to_owned(), arguments: arguments.to_string() };
        let called = self.driver.call(call).await;
        match (called.shown, called.goes_on) {
            (Some(shown), true) => Answer::Shown(shown, None),
            (Some(shown), false) => Answer::Shown(shown, Some(self.ended().await)),
            (None, _) => Answer::Ended(self.ended().await),
        }
    }

    /// Has it end without a submission, once the call under way has.
    pub(crate) async fn abandon(&self, abandoned: Abandoned, why: &str) {
        let end = match abandoned {
            Abandoned::Judge => End::Judged(why.to_owned()),
            Abandoned::Drop => End::Dropped(why.to_owned()),
        };
        self.driver.end(end).await;
    }
}

impl Ended {
    /// Returns that something of ours broke.
    pub(crate) fn broken(why: &str) -> Self {
        Self { reward: Reward::none(why), messages: Arc::default() }
    }
}

/// A client that waits, for as long as this value lives.
pub(crate) struct Busy<'a>(&'a Session);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}
