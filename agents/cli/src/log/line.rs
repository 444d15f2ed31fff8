//! A line of the log as a JSON object.

use std::sync::atomic::{AtomicU8, Ordering};

use runner::engine::WorkItem;
use serde_json::{Map, Value};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::stream;

/// 0 for the text format, else 1 plus the verbosity.
static MODE: AtomicU8 = AtomicU8::new(0);

/// Has the log written as JSON from now on. The process has one standard error, and so there is one of these.
pub(crate) fn turn_on(verbose: u8) {
    MODE.store(verbose.saturating_add(1), Ordering::Relaxed);
}

/// Returns whether the log is written as JSON.
pub(crate) fn is_on() -> bool {
    MODE.load(Ordering::Relaxed) > 0
}

/// Returns whether each step of an episode has a line.
pub(crate) fn has_steps() -> bool {
    MODE.load(Ordering::Relaxed) > 1
}

/// Returns the level of a text for people.
pub(crate) fn level_of(text: &str) -> &'static str {
    if text.starts_with("error: ") {
        "error"
    } else if text.starts_with("warning: ") {
        "warn"
    } else {
        "info"
    }
}

/// A line of the log.
pub(crate) struct Line(Map<String, Value>);

impl Line {
    /// Returns a line with the fields that each has.
    pub(crate) fn new(level: &str, target: &str, message: &str) -> Self {
        let mut fields = Map::new();
        for (key, value) in [("timestamp", now().as_str()), ("level", level), ("target", target), ("message", message)]
        {
            fields.insert(key.to_owned(), value.into());
        }
        Self(fields)
    }

    /// Adds a field. One that is there stays as it is.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.entry(key).or_insert_with(|| value.into());
        self
    }

    /// Adds the item that it is about.
    #[must_use]
    pub(crate) fn of(self, item: &WorkItem) -> Self {
        let line = self.with("item", item.id()).with("cell", item.cell.as_str());
        let line = line.with("instance_id", item.instance_id.as_str()).with("sample", item.sample);
        line.with("stage", serde_json::to_value(item.stage).unwrap_or_default())
    }

    /// Writes it to standard error.
    pub(crate) fn write(self) {
        stream::tell(format!("{}\n", Value::Object(self.0)).as_bytes());
    }
}

/// Returns the time in UTC, as RFC 3339 has it.
fn now() -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
