//! An episode as a sample.

use std::collections::HashMap;

use agent_core::{ExitStatus, Limit, Message, Record, Role, Shown, ToolCall};
use serde_json::{Map, Value, json};

use super::super::clock::iso;
use super::super::losses::Losses;
use super::super::source::{Source, ending_word};
use super::message::{message, output};
use super::usage::usage;
use crate::beside;

/// What stands for a time that is not known, where the format asks for one.
const UNKNOWN: &str = "1970-01-01T00:00:00+00:00";

/// Returns the sample of an episode. All messages stand in the order in which they came; the request of each answer is an
/// event, which holds exactly the messages that the model was sent for it.
pub(super) fn sample(source: &Source<'_>, losses: &mut Losses) -> Value {
    let spoken = Spoken::of(source, losses);
    let model = if source.model().is_empty() { "unknown" } else { source.model() };
    let spending = source.spending();
    let input = source.trajectory.records.iter().find_map(|record| match record {
        Record::Message { message, .. } if message.role == Role::User => Some(message.content.as_str()),
        _ => None,
    });
    let total = usage(spending.usage, source.is_priced().then_some(spending.cost));
    let started = iso(source.started());
    let mut metadata = json!({
        "instance_id": source.episode.instance_id, "exit_status": source.exit_status(),
        "ending": ending_word(source.episode.ending()), "patch": source.patch(), "agent": source.agent(),
    });
    if let (Some(metadata), Some(whole)) = (metadata.as_object_mut(), beside::written(&source.whole())) {
        metadata.extend(whole);
    }
    let mut sample = json!({
        "id": source.episode.instance_id, "epoch": source.episode.sample + 1, "input": input.unwrap_or_default(),
        "target": "", "messages": spoken.messages, "output": spoken.last, "metadata": metadata, "store": {},
        "events": spoken.events, "events_data": { "messages": spoken.pool, "calls": [] },
        "model_usage": { model: total }, "uuid": source.name(), "attachments": {}, "turn_count": spoken.turns,
    });
    if spending.seconds > 0.0 {
        sample["total_time"] = spending.seconds.into();
        sample["working_time"] = spending.seconds.into();
    }
    if let Some(resolved) = source.resolved() {
        sample["scores"] = json!({ "resolved": score(source, resolved) });
    }
    if let Some(started) = started {
        sample["started_at"] = started.into();
        sample["completed_at"] = json!(iso(source.started() + spending.seconds));
    }
    if let Some(limit) = limit(source) {
        sample["limit"] = limit;
    }
    if let Some(error) = error(source) {
        sample["error"] = json!({ "message": error, "traceback": "", "traceback_ansi": "" });
    }
    sample
}

fn score(source: &Source<'_>, resolved: bool) -> Value {
    let judged = source.episode.judged.as_ref();
    let tests =
        judged.map(|judged| json!({ "FAIL_TO_PASS": judged.fail_to_pass, "PASS_TO_PASS": judged.pass_to_pass }));
    json!({
        "value": u8::from(resolved), "answer": source.patch(), "explanation": ending_word(source.episode.ending()),
        "metadata": tests,
    })
}

/// Returns the limit that ended an episode, where the format knows it.
fn limit(source: &Source<'_>) -> Option<Value> {
    let ExitStatus::Limit(limit) = &source.outcome()?.exit_status else { return None };
    let (kind, key) = match limit {
        Limit::Steps => ("turn", "steps"),
        Limit::Tokens => ("token", "tokens"),
        Limit::Cost => ("cost", "cost"),
        Limit::Time => ("time", "time"),
        Limit::Context => ("context", ""),
        _ => ("custom", ""),
    };
    let settings = source.header().map(|header| &header.origin.settings);
    let value = settings.and_then(|settings| settings.pointer(&format!("/limits/{key}"))?.as_f64());
    Some(json!({ "type": kind, "limit": value.unwrap_or_default(), "reason": source.exit_status() }))
}

/// Returns what of ours broke.
fn error(source: &Source<'_>) -> Option<String> {
    let ended = source.episode.ended.as_ref().filter(|ended| ended.is_infrastructure());
    let ended = ended.map(|ended| ended.error.clone().unwrap_or_else(|| ended.exit_status.clone()));
    ended.or_else(|| {
        source.episode.failed.as_ref().filter(|_| source.resolved().is_none()).map(|failed| failed.error.clone())
    })
}

/// What was said in an episode.
#[derive(Default)]
struct Spoken {
    messages: Vec<Value>,
    /// The messages of the conversations as they were shown, which events name by their places.
    pool: Vec<Value>,
    events: Vec<Value>,
    last: Value,
    turns: usize,
}

impl Spoken {
    fn of(source: &Source<'_>, losses: &mut Losses) -> Self {
        let mut spoken = Self { last: json!({ "model": source.model(), "choices": [] }), ..Self::default() };
        let records = &source.trajectory.records;
        let mut numbers: HashMap<*const Record, usize> = HashMap::new();
        for record in records {
            let Some(said) = shown(record) else {
                spoken.mark(record);
                continue;
            };
            let number = spoken.messages.len();
            numbers.insert(std::ptr::from_ref(record), number);
            let is_answer = matches!(record, Record::Completion { .. });
            let value = message(&said, number.to_string(), is_answer.then(|| source.model()), losses);
            spoken.messages.push(with_extra(value, record, source));
            losses.count(
                "observations of which only what the model was shown is written",
                usize::from(is_clipped(record)),
            );
        }
        spoken.pool.clone_from(&spoken.messages);
        for segment in source.trajectory.segments() {
            spoken.call(&segment.messages, segment.name, &numbers, source, losses);
        }
        spoken
    }

    /// Keeps what is no message.
    fn mark(&mut self, record: &Record) {
        let what = match record {
            Record::TooLong { .. } => json!({ "too_long": true }),
            Record::RecordCut { why, .. } => json!({ "record_cut": why }),
            Record::Conversation { name, .. } => json!({ "conversation": name }),
            _ => return,
        };
        self.events.push(
            json!({ "event": "info", "source": "spotter", "data": what, "timestamp": UNKNOWN, "working_start": 0 }),
        );
    }

    /// Adds the requests of a segment with what they were answered, and the calls with what they showed.
    fn call(
        &mut self,
        shown: &[Shown<'_>],
        name: &str,
        numbers: &HashMap<*const Record, usize>,
        source: &Source<'_>,
        losses: &mut Losses,
    ) {
        let mut refs: Vec<usize> = Vec::new();
        let mut opened: HashMap<&str, &ToolCall> = HashMap::new();
        let mut is_sampled = false;
        for one in shown {
            let Some(number) = numbers.get(&std::ptr::from_ref(one.record)).copied() else { continue };
            let at = match one.record {
                Record::Completion { completion, seconds, .. } if one.sampled => {
                    let said = self.messages[number].clone();
                    self.last = output(completion, *seconds, source.model(), &said);
                    let mut event = model_event(&self.last, &ranges(&refs), name, source);
                    event["working_start"] = 0.into();
                    self.events.push(event);
                    self.turns += 1;
                    is_sampled = true;
                    opened.extend(completion.message.tool_calls.iter().map(|call| (call.id.as_str(), call)));
                    number
                }
                Record::Observation { call, observation, seconds, .. } => {
                    // A message that was masked is another one than it was.
                    let same = self.pool[number]["content"].as_str() == Some(one.message.content.as_str());
                    let place = if same { number } else { self.pooled(&one.message, number, losses) };
                    if is_sampled && opened.remove(call.id.as_str()).is_some() {
                        self.events.push(tool_event(
                            call,
                            &one.message.content,
                            observation.is_error,
                            *seconds,
                            number,
                        ));
                    }
                    place
                }
                _ => number,
            };
            refs.push(at);
        }
    }

    fn pooled(&mut self, masked: &Message, number: usize, losses: &mut Losses) -> usize {
        self.pool.push(message(masked, format!("{number}-masked"), None, losses));
        self.pool.len() - 1
    }
}

fn shown(record: &Record) -> Option<Message> {
    match record {
        Record::Message { message, .. } => Some(message.clone()),
        Record::Completion { completion, .. } => Some(completion.message.clone()),
        Record::Observation { call, observation, shown, .. } => {
            Some(Message::tool(call, shown.as_ref().unwrap_or(&observation.text).as_str()))
        }
        _ => None,
    }
}

fn is_clipped(record: &Record) -> bool {
    matches!(record, Record::Observation { shown: Some(_), .. })
}

/// Adds what a record says beside its message.
fn with_extra(mut value: Value, record: &Record, source: &Source<'_>) -> Value {
    let mut metadata = match value.get_mut("metadata").map(Value::take) {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    match record {
        Record::Message { extra, .. } => metadata.extend(extra.clone()),
        Record::Observation { extra, observation, .. } => {
            metadata.extend(extra.clone());
            metadata.extend(observation.exit_code.map(|code| ("exit_code".to_owned(), code.into())));
        }
        _ => {}
    }
    if source.is_of_parent(record) {
        metadata.insert("of_parent".to_owned(), true.into());
    }
    if let Some(value) = value.as_object_mut() {
        value.shift_remove("metadata");
        value.extend((!metadata.is_empty()).then(|| ("metadata".to_owned(), Value::Object(metadata))));
    }
    value
}

fn model_event(output: &Value, refs: &[[usize; 2]], name: &str, source: &Source<'_>) -> Value {
    let tools = source.header().map(|header| header.tools.as_slice()).unwrap_or_default();
    let tools: Vec<Value> = tools
        .iter()
        .map(|tool| {
            let parameters = if tool.parameters["type"] == "object" { tool.parameters.clone() } else { json!({}) };
            json!({ "name": tool.name, "description": tool.description, "parameters": parameters })
        })
        .collect();
    let mut event = json!({
        "event": "model", "model": output["model"], "input": [], "input_refs": refs, "tools": tools,
        "tool_choice": "auto", "config": {}, "output": output, "timestamp": UNKNOWN,
    });
    if !name.is_empty() {
        event["metadata"] = json!({ "conversation": name });
    }
    event
}

fn tool_event(call: &ToolCall, text: &str, is_error: bool, seconds: f64, number: usize) -> Value {
    let arguments: Map<String, Value> = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut event = json!({
        "event": "tool", "type": "function", "id": call.id, "function": call.name, "arguments": arguments,
        "result": text, "events": [], "message_id": number.to_string(), "timestamp": UNKNOWN, "working_start": 0,
    });
    if is_error {
        event["error"] = json!({ "type": "unknown", "message": text });
    }
    if seconds > 0.0 {
        event["working_time"] = seconds.into();
    }
    event
}

/// Returns places in the fewest ranges, each with the place behind its last.
fn ranges(places: &[usize]) -> Vec<[usize; 2]> {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some(last) if last[1] == *place => last[1] += 1,
            _ => ranges.push([*place, place + 1]),
        }
    }
    ranges
}
