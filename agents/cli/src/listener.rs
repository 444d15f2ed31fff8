//! Listeners for what happens to items.

use std::sync::{Arc, Mutex, PoisonError};

use runner::engine::{Event, Events, Listener};

use crate::console::say;
use crate::log::{EventLines, line};
use crate::otel;
use crate::progress::Counted;
use crate::steps::Steps;

/// Shows one item after another, with the steps of its episode.
#[derive(Default)]
struct Narrated(Mutex<Steps>);

/// Returns the events of work on so many items at once, shown on the console: step by step where it is one.
pub(crate) fn on_console(workers: usize) -> Events {
    if workers == 1 && !line::is_on() { heard(Arc::<Narrated>::default()) } else { counted() }
}

/// Returns events that are counted, however many there are at once.
pub(crate) fn counted() -> Events {
    heard(Arc::<Counted>::default())
}

/// Returns events that are told to this listener, to the log and to a collector, where there is one.
fn heard(shown: Arc<dyn Listener>) -> Events {
    let lines = line::is_on().then(|| Arc::new(EventLines) as Arc<dyn Listener>);
    Events::new(lines.into_iter().chain([shown]).chain(otel::listener()))
}

impl Listener for Narrated {
    fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Started { .. } => *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Steps::default(),
            Event::Recorded { record, .. } => {
                let line = self.0.lock().unwrap_or_else(PoisonError::into_inner).line(record);
                if let Some(line) = line {
                    say(&line);
                }
            }
            Event::Noted { text, .. } => say(text),
            Event::Retried { line, .. } => say(&format!("{line}; it will be retried")),
            Event::Ended { line, .. } => say(line),
            Event::Planned { .. }
            | Event::Queued { .. }
            | Event::Entered { .. }
            | Event::Unanswered { .. }
            | Event::Released { .. }
            | Event::Skipped { .. }
            | Event::Finished => {}
        }
    }
}
