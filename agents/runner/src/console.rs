//! What a person sees on standard error while an episode runs.

use std::sync::{Mutex, PoisonError};

use agent_core::{Record, Recorder};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::stream;

/// Writes a line to standard error. Never waits, and a closed standard error is no reason to stop.
pub(crate) fn say(line: &str) {
    stream::tell(format!("{line}\n").as_bytes());
}

/// Where lines go while a bar may be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Console {
    /// The bar that is shown.
    pub(crate) bar: Option<ProgressBar>,
}

impl Console {
    /// Writes a line to standard error, above the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| {
                say(line);
                stream::settle();
            }),
            None => say(line),
        }
    }
}

/// What a command says when it is interrupted, after its sandboxes are gone.
#[derive(Default)]
pub(crate) struct LastWords(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl LastWords {
    /// Sets them, in the place of earlier ones.
    pub(crate) fn set(&self, words: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(words));
    }

    /// Says them, once.
    pub(crate) fn say(&self) {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(words) = words {
            words();
        }
    }
}

/// Passes records on and tells of each call in one line.
pub(crate) struct Narrator<R> {
    inner: R,
    cost: f64,
    /// The repository's place, which is cut from what is shown.
    root: String,
}

impl<R> Narrator<R> {
    /// Returns a narrator that passes records on to `inner`.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, cost: 0.0, root: String::new() }
    }
}

impl<R: Recorder> Recorder for Narrator<R> {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        self.inner.append(record)?;
        match record {
            Record::Header(header) => self.root = format!("{}/", header.root),
            Record::Completion { completion, .. } => self.cost += completion.cost.unwrap_or_default(),
            Record::Observation { step, call, observation, seconds, .. } => {
                let ended = match (observation.is_error, observation.exit_code) {
                    (true, _) => "refused".to_owned(),
                    (false, Some(code)) => format!("exit {code}"),
                    (false, None) => "ok".to_owned(),
                };
                let what = gist(&call.arguments, &self.root);
                let cost = if self.cost > 0.0 { format!("  ${:.3}", self.cost) } else { String::new() };
                say(&format!("{step:>4}  {:<18} {what:<60} {ended:<8} {seconds:>6.1}s{cost}", call.name));
            }
            Record::Conversation { step, name, .. } => say(&format!("{step:>4}  {name}")),
            Record::Message { .. } | Record::TooLong { .. } | Record::RecordCut { .. } | Record::Outcome(_) => {}
        }
        Ok(())
    }
}

/// Returns the most telling of a call's arguments, on one short line.
fn gist(arguments: &str, root: &str) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str(arguments) else { return short(arguments) };
    let texts: Vec<&str> =
        ["command", "path", "thought", "query"].iter().filter_map(|key| map.get(*key)?.as_str()).collect();
    short(&texts.join(" ").replace(root, ""))
}

/// Returns the first line of a text that says something, cut to fit a terminal and safe to show there.
pub(crate) fn short(text: &str) -> String {
    let line = harmless(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default());
    if line.chars().count() <= 58 {
        return line;
    }
    line.chars().take(57).chain(std::iter::once('…')).collect()
}

/// Returns a line that cannot steer the terminal, whoever wrote it.
pub(crate) fn harmless(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
