//! What happens while items are worked on, as those who listen are told.

use std::sync::Arc;
use std::time::Duration;

use agent_core::Record;
use serde::Serialize;

use super::item::{Phase, WorkItem};

/// What happens while items are worked on.
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
        /// How one may end, in words; the last word is that infrastructure broke.
        endings: &'a [&'static str],
    },
    /// Work on an item begins.
    Started {
        /// The item.
        item: &'a WorkItem,
    },
    /// Work on an item has come to its next part.
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
    /// Something that a person should know.
    Noted {
        /// The item that it is about, if it is about one.
        item: Option<&'a WorkItem>,
        /// The text, a line or several.
        text: &'a str,
    },
    /// Infrastructure kept an item from a result, and it is worked on again.
    Retried {
        /// The item.
        item: &'a WorkItem,
        /// What happened, in one line.
        line: &'a str,
    },
    /// Work on an item has ended with nothing, as when another process is at it.
    Released {
        /// The item.
        item: &'a WorkItem,
    },
    /// An item needs no work any more: another process has ended it, or its result is not wanted.
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

/// Is told what happens. It is called on the way, in the order in which things happen, and has to be quick.
pub trait Listener: Send + Sync {
    /// Takes an event in.
    fn hear(&self, event: &Event<'_>);
}

/// Tells all who listen.
#[derive(Clone, Default)]
pub struct Events(Vec<Arc<dyn Listener>>);

impl Events {
    /// Returns events that these are told of.
    pub fn new(listeners: impl IntoIterator<Item = Arc<dyn Listener>>) -> Self {
        Self(listeners.into_iter().collect())
    }

    /// Returns the same events with one more who is told of them.
    #[must_use]
    pub fn and(mut self, listener: Arc<dyn Listener>) -> Self {
        self.0.push(listener);
        self
    }

    /// Tells of an event.
    pub fn tell(&self, event: &Event<'_>) {
        self.0.iter().for_each(|listener| listener.hear(event));
    }

    /// Tells of something that a person should know.
    pub fn note(&self, item: Option<&WorkItem>, text: &str) {
        self.tell(&Event::Noted { item, text });
    }
}
