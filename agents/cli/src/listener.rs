//! What the console shows of the work on items.

use std::sync::{Arc, Mutex, PoisonError};

use runner::engine::{Event, Events, Listener};

use crate::console::{Console, say};
use crate::progress::Progress;
use crate::steps::Steps;

/// Shows one item after another, with the steps of its episode.
#[derive(Default)]
struct Narrated(Mutex<Steps>);

/// Shows how far many items have got, and what came of each.
#[derive(Default)]
struct Counted(Mutex<Option<Progress>>);

/// Returns the events of work on so many items at once, shown on the console: step by step where it is one.
pub(crate) fn on_console(workers: usize) -> Events {
    let console: Arc<dyn Listener> = if workers == 1 { Arc::<Narrated>::default() } else { Arc::<Counted>::default() };
    Events::new([console])
}

/// Returns events that are counted, however many there are at once.
pub(crate) fn counted() -> Events {
    Events::new([Arc::<Counted>::default() as Arc<dyn Listener>])
}

impl Listener for Narrated {
    fn hear(&self, event: &Event<'_>) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { .. } => *steps = Steps::default(),
            Event::Recorded { record, .. } => {
                if let Some(line) = steps.line(record) {
                    say(&line);
                }
            }
            Event::Noted { text, .. } => say(text),
            Event::Ended { line, .. } => say(line),
            Event::Queued { .. } | Event::Finished => {}
        }
    }
}

impl Listener for Counted {
    fn hear(&self, event: &Event<'_>) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Queued { items, workers, endings } => *progress = Some(Progress::new(*items, *workers, endings)),
            Event::Noted { item, text } => {
                let console = progress.as_ref().map_or_else(Console::default, |progress| progress.console().clone());
                match item.filter(|item| !text.contains(&item.instance_id)) {
                    Some(item) => console.say(&format!("{}: {text}", item.instance_id)),
                    None => console.say(text),
                }
            }
            Event::Ended { ending, took, line, .. } => {
                if let Some(progress) = &mut *progress {
                    progress.done(ending, *took, line);
                }
            }
            Event::Finished => *progress = None,
            Event::Started { .. } | Event::Recorded { .. } => {}
        }
    }
}
