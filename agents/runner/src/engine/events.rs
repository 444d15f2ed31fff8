//! Events of the work on items, for listeners.

use std::sync::Arc;
use std::time::Duration;

use agent_core::Record;
use serde::Serialize;

use super::item::{Phase, WorkItem};

/// An event of the work on items.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A run of several cells begins.
    Planned {
        /// The name of each cell, with how many of its items have no result yet.
        cells: &'a [(String, usize)],
    },
    /// Items wait to be worked on.
    Queued {
        /// How many.
        items: usize,
        /// How many are worked on at once.
        workers: usize,
        /// The words for how an item may end; the last one is for infrastructure failures.
        endings: &'a [&'static str],
    },
    /// Work on an item begins.
    Started {
        /// The item.
        item: &'a WorkItem,
    },
    /// Work on an item has entered its next phase.
    Entered {
        /// The item.
        item: &'a WorkItem,
        /// The part.
        phase: Phase,
    },
    /// The episode of an item has one more record.
    Recorded {
        /// The item.
        item: &'a WorkItem,
        /// The record.
        record: &'a Record,
    },
    /// The model gave no answer to the episode of an item, after all that was retried.
    Unanswered {
        /// The item.
        item: &'a WorkItem,
        /// The kind of failure: `transient`, `context_length`, `permanent` or `budget`.
        kind: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A note for the user.
    Noted {
        /// The item that it is about, if it is about one.
        item: Option<&'a WorkItem>,
        /// The text, a line or several.
        text: &'a str,
    },
    /// Infrastructure failed, and the item is retried.
    Retried {
        /// The item.
        item: &'a WorkItem,
        /// What happened, in one line.
        line: &'a str,
    },
    /// An item was released without a result, for example because another process holds it.
    Released {
        /// The item.
        item: &'a WorkItem,
    },
    /// An item needs no more work: another process has finished it, or its result is not needed.
    Skipped {
        /// The item.
        item: &'a WorkItem,
    },
    /// Work on an item has ended.
    Ended {
        /// The item.
        item: &'a WorkItem,
        /// How: one of the words of [`Event::Queued`].
        ending: &'static str,
        /// How long it took; `None` where an earlier process had the result.
        took: Option<Duration>,
        /// What came of it, in one line.
        line: &'a str,
    },
    /// All items have ended, or no more are started.
    Finished,
}

/// Receives events. It is called synchronously, in the order in which events happen, and must be quick.
pub trait Listener: Send + Sync {
    /// Receives an event.
    fn hear(&self, event: &Event<'_>);
}

/// Sends events to all listeners.
#[derive(Clone, Default)]
pub struct Events(Vec<Arc<dyn Listener>>);

impl Events {
    /// Returns the events for these listeners.
    pub fn new(listeners: impl IntoIterator<Item = Arc<dyn Listener>>) -> Self {
        Self(listeners.into_iter().collect())
    }

    /// Returns the same events with one more listener.
    #[must_use]
    pub fn and(mut self, listener: Arc<dyn Listener>) -> Self {
        self.0.push(listener);
        self
    }

    /// Sends an event.
    pub fn tell(&self, event: &Event<'_>) {
        self.0.iter().for_each(|listener| listener.hear(event));
    }

    /// Sends a note for the user.
    pub fn note(&self, item: Option<&WorkItem>, text: &str) {
        self.tell(&Event::Noted { item, text });
    }
}
