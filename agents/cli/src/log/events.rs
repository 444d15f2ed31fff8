//! What happens to items, as lines of JSON.

use agent_core::Record;
use runner::engine::{Event, INFRASTRUCTURE, Listener, WorkItem};
use serde_json::{Value, json};

use super::line::{Line, has_steps, level_of};

/// The target of the lines.
const TARGET: &str = "engine";

/// Writes each event as a line of JSON; those of single steps only where more was asked for.
#[derive(Default)]
pub(crate) struct EventLines;

impl Listener for EventLines {
    fn hear(&self, event: &Event<'_>) {
        let line = match event {
            Event::Planned { cells } => {
                let waiting: serde_json::Map<String, Value> =
                    cells.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
                plain("planned", "the cells of the run").with("cells", waiting)
            }
            Event::Queued { items, workers, .. } => {
                let line = plain("queued", &format!("{items} items are queued"));
                line.with("items", *items).with("workers", *workers)
            }
            Event::Started { item } => about("info", "started", "begun", item),
            Event::Entered { item, phase } => {
                let phase = serde_json::to_value(phase).unwrap_or_default();
                about("info", "entered", "at the next part", item).with("phase", phase)
            }
            Event::Recorded { item, record } => match has_steps().then(|| step(item, record)).flatten() {
                Some(line) => line,
                None => return,
            },
            Event::Unanswered { item, kind, took } => {
                let line = about("warn", "unanswered", "the model gave no answer", item);
                line.with("error", *kind).with("seconds", took.as_secs_f64())
            }
            Event::Noted { item, text } => match item {
                Some(item) => about(level_of(text), "noted", text, item),
                None => Line::new(level_of(text), TARGET, text).with("event", "noted"),
            },
            Event::Retried { item, line } => about("warn", "retried", line, item),
            Event::Released { item } => about("info", "released", "released without a result", item),
            Event::Skipped { item } => about("info", "skipped", "no more work is needed", item),
            Event::Ended { item, ending, took, line } => {
                let level = if *ending == INFRASTRUCTURE { "error" } else { "info" };
                let line = about(level, "ended", line, item).with("ending", *ending);
                line.with("seconds", took.map(|took| took.as_secs_f64())).with("from_earlier", took.is_none())
            }
            Event::Finished => plain("finished", "all items have ended"),
        };
        line.write();
    }
}

fn plain(event: &str, message: &str) -> Line {
    Line::new("info", TARGET, message).with("event", event)
}

fn about(level: &str, event: &str, message: &str, item: &WorkItem) -> Line {
    Line::new(level, TARGET, message).with("event", event).of(item)
}

/// Returns the line of a step of an episode. What was asked, said and shown is not in it.
fn step(item: &WorkItem, record: &Record) -> Option<Line> {
    Some(match record {
        Record::Header(header) => {
            let line = about("info", "episode", "the episode begins", item);
            line.with("agent", header.agent.as_str()).with("model", header.model.as_str())
        }
        Record::Completion { step, completion, seconds, restored, .. } => {
            let line = about("info", "answered", "the model has answered", item).with("step", *step);
            let usage = &completion.usage;
            line.with("input_tokens", usage.prompt_tokens)
                .with("output_tokens", usage.completion_tokens)
                .with("cached_tokens", usage.cached_tokens)
                .with("cost", completion.cost)
                .with("seconds", *seconds)
                .with("restored", *restored)
        }
        Record::Observation { step, call, observation, seconds, restored, .. } => {
            let line = about("info", "called", "a tool was called", item).with("step", *step);
            line.with("tool", call.name.as_str())
                .with("call_id", call.id.as_str())
                .with("exit_code", observation.exit_code)
                .with("is_error", observation.is_error)
                .with("seconds", *seconds)
                .with("restored", *restored)
        }
        Record::Outcome(outcome) => {
            let line = about("info", "outcome", "the episode has ended", item);
            line.with("exit_status", journal::exit_status(outcome)).with("steps", outcome.spending.steps)
        }
        Record::Message { .. } | Record::Conversation { .. } | Record::TooLong { .. } | Record::RecordCut { .. } => {
            return None;
        }
    })
}
