//! An episode as a sample.

use std::collections::HashMap;

use agent_core::{ExitStatus, Limit, Message, Record, Role, Shown, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

use super::super::clock::{UNKNOWN, iso};
use super::super::source::{Source, ending_word};
use super::message::{message, output};
use super::usage::usage;
use crate::beside;
use crate::counts::Counts;

/// Returns the sample of an episode. All messages stand in the order in which they came; the request of each answer is an
/// event, which holds exactly the messages that the model was sent for it.
pub(super) fn sample(source: &Source<'_>, losses: &mut Counts) -> Value {
    let mut spoken = Spoken::of(source, losses);
    let events = spoken.events();
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
        "events": events, "events_data": { "messages": spoken.pool, "calls": [] },
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
    if let Some((_, error)) = source.broken() {
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

/// Where a message is: the place of its record, and its number among the messages.
#[derive(Debug, Clone, Copy)]
struct Place {
    record: usize,
    number: usize,
}

/// What was said in an episode.
#[derive(Default)]
struct Spoken {
    messages: Vec<Value>,
    /// The messages of the conversations as they were shown, which events name by their places.
    pool: Vec<Value>,
    /// Requests, calls and marks, in the order of the records, each with the place of its record.
    events: Vec<(usize, Value)>,
    /// The tools that every request lists.
    tools: Value,
    last: Value,
    turns: usize,
}

impl Spoken {
    fn of(source: &Source<'_>, losses: &mut Counts) -> Self {
        let last = json!({ "model": source.model(), "choices": [] });
        let mut spoken = Self { last, tools: tools(source), ..Self::default() };
        let mut places: HashMap<*const Record, Place> = HashMap::new();
        for (index, record) in source.trajectory.records.iter().enumerate() {
            let Some(said) = shown(record) else {
                spoken.mark(record, index);
                continue;
            };
            let number = spoken.messages.len();
            places.insert(std::ptr::from_ref(record), Place { record: index, number });
            let is_answer = matches!(record, Record::Completion { .. });
            let mut value = message(&said, number.to_string(), is_answer.then(|| source.model()), losses);
            put_extra(&mut value, record, source);
            spoken.messages.push(value);
            losses.count(
                "observations of which only what the model was shown is written",
                usize::from(is_clipped(record)),
            );
        }
        spoken.pool.clone_from(&spoken.messages);
        for segment in source.trajectory.segments() {
            spoken.call(&segment.messages, segment.name, &places, losses);
        }
        spoken
    }

    /// Returns the events, in the order of the records.
    fn events(&mut self) -> Vec<Value> {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|(record, _)| *record);
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// Keeps what is no message.
    fn mark(&mut self, record: &Record, index: usize) {
        let what = match record {
            Record::TooLong { .. } => json!({ "too_long": true }),
            Record::RecordCut { why, .. } => json!({ "record_cut": why }),
            Record::Conversation { name, .. } => json!({ "conversation": name }),
            _ => return,
        };
        let event =
            json!({ "event": "info", "source": "spotter", "data": what, "timestamp": UNKNOWN, "working_start": 0 });
        self.events.push((index, event));
    }

    /// Adds the requests of a segment with what they were answered, and the calls with what they showed.
    fn call(&mut self, shown: &[Shown<'_>], name: &str, places: &HashMap<*const Record, Place>, losses: &mut Counts) {
        let mut refs: Vec<usize> = Vec::new();
        let mut opened: HashMap<&str, &ToolCall> = HashMap::new();
        let mut is_sampled = false;
        for one in shown {
            let Some(Place { record, number }) = places.get(&std::ptr::from_ref(one.record)).copied() else { continue };
            let at = match one.record {
                Record::Completion { completion, seconds, .. } if one.sampled => {
                    let model = self.last["model"].as_str().unwrap_or_default().to_owned();
                    self.last = output(completion, *seconds, &model, &self.messages[number]);
                    self.events.push((record, self.model_event(&ranges(&refs), name)));
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
                        let event = tool_event(call, &one.message.content, observation.is_error, *seconds, number);
                        self.events.push((record, event));
                    }
                    place
                }
                _ => number,
            };
            refs.push(at);
        }
    }

    fn model_event(&self, refs: &[[usize; 2]], name: &str) -> Value {
        let mut event = json!({
            "event": "model", "model": self.last["model"], "input": [], "input_refs": refs, "tools": self.tools,
            "tool_choice": "auto", "config": {}, "output": self.last, "timestamp": UNKNOWN, "working_start": 0,
        });
        if !name.is_empty() {
            event["metadata"] = json!({ "conversation": name });
        }
        event
    }

    fn pooled(&mut self, masked: &Message, number: usize, losses: &mut Counts) -> usize {
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
fn put_extra(message: &mut Value, record: &Record, source: &Source<'_>) {
    let mut more = match record {
        Record::Message { extra, .. } | Record::Observation { extra, .. } => extra.clone(),
        _ => Map::new(),
    };
    if let Record::Observation { observation, .. } = record {
        more.extend(observation.exit_code.map(|code| ("exit_code".to_owned(), code.into())));
    }
    more.extend(source.is_of_parent(record).then(|| ("of_parent".to_owned(), true.into())));
    let Some(message) = message.as_object_mut().filter(|_| !more.is_empty()) else { return };
    if let Value::Object(metadata) = message.entry("metadata").or_insert_with(|| json!({})) {
        metadata.extend(more);
    }
}

/// Returns the tools of an episode, as requests list them.
fn tools(source: &Source<'_>) -> Value {
    let tools = source.header().map(|header| header.tools.as_slice()).unwrap_or_default();
    let one = |tool: &ToolSpec| {
        let parameters = if tool.parameters["type"] == "object" { tool.parameters.clone() } else { json!({}) };
        json!({ "name": tool.name, "description": tool.description, "parameters": parameters })
    };
    tools.iter().map(one).collect()
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
