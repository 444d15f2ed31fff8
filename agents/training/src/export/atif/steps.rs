//! Records as steps.

use agent_core::{CallExtras, Completion, Message, Record, Role, Served, ToolCall, View};
use serde_json::{Map, Value, json};
use tool_core::Observation;

use super::super::clock::iso;
use super::super::source::Source;
use super::super::spoken::finish_word;
use super::metrics::metrics;
use crate::beside::{self, OfCall, OfResult, OfStep};
use crate::counts::Counts;
use crate::import::content::rejoined;
use crate::reasoning;

/// Fields of a step that a file had, and that go in again.
const AGAIN: [&str; 7] = [
    "timestamp",
    "model_name",
    "reasoning_effort",
    "reasoning_content",
    "metrics",
    "is_copied_context",
    "llm_call_count",
];

/// The steps up to a record.
pub(super) struct Steps<'a> {
    source: &'a Source<'a>,
    /// Whether the records are of a file of this format, and hold what it said beside as it stood there.
    again: bool,
    steps: Vec<Map<String, Value>>,
    /// What is said of the next step.
    next: OfStep,
}

impl<'a> Steps<'a> {
    pub(super) fn new(source: &'a Source<'a>, again: bool) -> Self {
        Self { source, again, steps: Vec::new(), next: OfStep::default() }
    }

    /// Takes a record.
    pub(super) fn take(&mut self, record: &Record, losses: &mut Counts) {
        let is_copied = self.source.is_of_parent(record);
        match record {
            Record::Header(_) if self.steps.is_empty() => {}
            // Another attempt at the episode begins.
            Record::Header(_) => self.next.conversations.push(String::new()),
            Record::Conversation { name, .. } => self.next.conversations.push(name.clone()),
            Record::TooLong { .. } => self.next.too_long += 1,
            Record::Message { message, extra, step, .. } => self.say(message, extra, *step, is_copied, losses),
            Record::Completion { completion, seconds, view, .. } => {
                self.answer(completion, *seconds, view.as_ref(), is_copied, losses);
            }
            Record::Observation { call, observation, shown, seconds, extra, .. } => {
                losses.count(
                    "observations of which only what the model was shown is written",
                    usize::from(shown.is_some()),
                );
                let text = shown.as_ref().unwrap_or(&observation.text);
                self.observe(call, observation, text, *seconds, extra, losses);
            }
            Record::RecordCut { .. } => losses.count("marks where the record of a killed attempt was given up", 1),
            Record::Outcome(_) => {}
        }
    }

    /// Returns the steps.
    pub(super) fn finish(self, losses: &mut Counts) -> Vec<Value> {
        let left = self.next.conversations.len() + usize::try_from(self.next.too_long).unwrap_or(usize::MAX);
        losses.count("marks behind the last step", left);
        self.steps.into_iter().map(Value::Object).collect()
    }

    fn push(&mut self, source: &str) -> &mut Map<String, Value> {
        let id = self.steps.len() + 1;
        let step = Map::from_iter([("step_id".to_owned(), id.into()), ("source".to_owned(), source.into())]);
        self.steps.push(step);
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    fn say(&mut self, message: &Message, extra: &Map<String, Value>, step: u64, is_copied: bool, losses: &mut Counts) {
        if message.role == Role::Tool {
            let id = message.tool_call_id.clone().unwrap_or_default();
            let call = ToolCall { id, name: message.name.clone().unwrap_or_default(), arguments: String::new() };
            return self.observe(&call, &Observation::default(), &message.content, 0.0, extra, losses);
        }
        let beside = std::mem::take(&mut self.next);
        let started = if step == 0 { iso(self.source.started()) } else { None };
        let again = self.again;
        let out = self.push(match message.role {
            Role::System => "system",
            Role::Assistant => "agent",
            Role::User | Role::Tool => "user",
        });
        let mut extra = extra.clone();
        out.insert("message".to_owned(), said(message, extra.shift_remove("content"), losses));
        put_calls(out, message, again, losses);
        if again {
            put_again(out, extra);
            return;
        }
        out.extend(started.map(|time| ("timestamp".to_owned(), time.into())));
        if is_copied || message.role == Role::Assistant {
            // What was not sampled here is no answer to train on.
            out.insert("is_copied_context".to_owned(), true.into());
        }
        put_extra(out, &OfStep { message: extra, ..beside });
    }

    fn answer(
        &mut self,
        completion: &Completion,
        seconds: f64,
        view: Option<&View>,
        is_copied: bool,
        losses: &mut Counts,
    ) {
        let beside = std::mem::take(&mut self.next);
        let (again, model) = (self.again, self.source.model().to_owned());
        let out = self.push("agent");
        let served = completion.served.as_deref();
        let mut left = served.map(left_of).unwrap_or_default();
        let message = &completion.message;
        let parts = match left.get_mut("message") {
            Some(Value::Object(said)) => said.shift_remove("content").filter(Value::is_array),
            _ => None,
        };
        left.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
        out.insert("message".to_owned(), said(message, parts, losses));
        let served_by = served.and_then(|served| served.model.clone());
        out.extend(served_by.filter(|name| again || *name != model).map(|name| ("model_name".to_owned(), name.into())));
        let mut own = message.extras.as_ref().map(|extras| extras.message.clone()).unwrap_or_default();
        out.extend(reasoning::take(&mut own).map(|text| ("reasoning_content".to_owned(), text)));
        put_calls(out, message, again, losses);
        let body = if again { served.map(|served| served.body.clone()).unwrap_or_default() } else { Map::new() };
        let metrics = metrics(completion, body.get("metrics"), losses);
        out.extend(metrics.map(|metrics| ("metrics".to_owned(), metrics)));
        if again {
            put_again(out, body);
            return;
        }
        let answered = served.and_then(|served| iso(served.answered_at));
        out.extend(answered.map(|time| ("timestamp".to_owned(), time.into())));
        out.insert("llm_call_count".to_owned(), 1.into());
        if is_copied {
            out.insert("is_copied_context".to_owned(), true.into());
        }
        let finish_reason = Some(finish_word(&completion.finish_reason).to_owned());
        let malformed = completion.malformed.clone();
        let seconds = Some(seconds).filter(|seconds| *seconds > 0.0);
        put_extra(
            out,
            &OfStep { view: view.cloned(), seconds, finish_reason, malformed, message: own, served: left, ..beside },
        );
    }

    fn observe(
        &mut self,
        call: &ToolCall,
        observation: &Observation,
        text: &str,
        seconds: f64,
        extra: &Map<String, Value>,
        losses: &mut Counts,
    ) {
        if self.steps.is_empty() {
            // A result stands with a step.
            losses.count("empty messages put before a result with which a conversation begins", 1);
            let out = self.push("system");
            out.insert("message".to_owned(), "".into());
        }
        let again = self.again;
        let Some(out) = self.steps.last_mut() else { return };
        let of_step = called(out, &call.id);
        let mut result = Map::new();
        if of_step.is_some() {
            result.insert("source_call_id".to_owned(), call.id.clone().into());
        }
        let mut extra = extra.clone();
        let parts = extra.shift_remove("content");
        let is_absent = extra.shift_remove(crate::import::NO_CONTENT).is_some();
        if !is_absent {
            let message = Message::user(text);
            result.insert("content".to_owned(), said(&message, parts, losses));
        }
        if again {
            result.extend(
                ["subagent_trajectory_ref", "extra"]
                    .iter()
                    .filter_map(|key| Some(((*key).to_owned(), extra.shift_remove(*key)?))),
            );
        } else {
            let beside = OfResult {
                tool_call_id: (of_step.is_none() && !call.id.is_empty()).then(|| call.id.clone()),
                name: Some(&call.name).filter(|name| !name.is_empty() && of_step.as_ref() != Some(name)).cloned(),
                exit_code: observation.exit_code,
                seconds: Some(seconds).filter(|seconds| *seconds > 0.0),
                record: extra,
            };
            result.extend(beside::written(&beside).map(|beside| ("extra".to_owned(), Value::Object(beside))));
        }
        let observation = out.entry("observation").or_insert_with(|| json!({ "results": [] }));
        if let Some(results) = observation.get_mut("results").and_then(Value::as_array_mut) {
            results.push(Value::Object(result));
        }
    }
}

/// Returns the name of the tool that a step calls under an id.
fn called(step: &Map<String, Value>, id: &str) -> Option<String> {
    let calls = step.get("tool_calls").and_then(Value::as_array)?;
    let call = calls.iter().find(|call| call.get("tool_call_id").is_some_and(|found| found == id))?;
    call.get("function_name")?.as_str().map(str::to_owned)
}

/// Returns the text of a message, or its parts where a file of this format had it in parts.
fn said(message: &Message, parts: Option<Value>, losses: &mut Counts) -> Value {
    let Some(kept) = parts else { return message.content.as_str().into() };
    match rejoined(&message.content, &kept) {
        Some(parts) if parts.iter().all(is_part) => parts.into(),
        _ => {
            let others =
                kept.as_array().map_or(0, |kept| kept.iter().filter(|part| part.get("chars").is_none()).count());
            losses.count("parts of messages that are neither text nor a file of images or sound", others);
            message.content.as_str().into()
        }
    }
}

/// Returns whether the format has a part as it stands.
fn is_part(part: &Value) -> bool {
    let Some(part) = part.as_object() else { return false };
    match part.get("type").and_then(Value::as_str) {
        Some("text") => part.len() == 2 && part.get("text").is_some_and(Value::is_string),
        Some("image" | "audio") => part.len() == 2 && part.get("source").is_some_and(Value::is_object),
        _ => false,
    }
}

fn put_calls(out: &mut Map<String, Value>, message: &Message, again: bool, losses: &mut Counts) {
    if message.tool_calls.is_empty() {
        return;
    }
    let extras = |index: usize| message.extras.as_ref().and_then(|extras| extras.calls.get(index));
    let calls = message.tool_calls.iter().enumerate().map(|(index, call)| {
        let CallExtras { call: mut of_call, function } = extras(index).cloned().unwrap_or_default();
        let read = match call.arguments.as_str() {
            "" => Some(Map::new()),
            text => serde_json::from_str::<Map<String, Value>>(text).ok(),
        };
        losses
            .count("calls whose arguments are no JSON object, which stand beside as text", usize::from(read.is_none()));
        let arguments = read.is_none().then(|| call.arguments.clone());
        let mut out = Map::from_iter([
            ("tool_call_id".to_owned(), call.id.clone().into()),
            ("function_name".to_owned(), call.name.clone().into()),
            ("arguments".to_owned(), Value::Object(read.unwrap_or_default())),
        ]);
        if again {
            out.extend(of_call.shift_remove("extra").map(|extra| ("extra".to_owned(), extra)));
        } else {
            let beside = beside::written(&OfCall { arguments, call: of_call, function });
            out.extend(beside.map(|beside| ("extra".to_owned(), Value::Object(beside))));
        }
        Value::Object(out)
    });
    out.insert("tool_calls".to_owned(), calls.collect::<Vec<_>>().into());
}

fn put_again(out: &mut Map<String, Value>, mut before: Map<String, Value>) {
    for key in AGAIN.iter().chain(&["extra"]) {
        if let Some(value) = before.shift_remove(*key).filter(|_| !out.contains_key(*key)) {
            out.insert((*key).to_owned(), value);
        }
    }
}

fn put_extra(out: &mut Map<String, Value>, beside: &OfStep) {
    out.extend(beside::written(beside).map(|beside| ("extra".to_owned(), Value::Object(beside))));
}

/// Returns what a server said of an answer that no field of a step holds.
fn left_of(served: &Served) -> Map<String, Value> {
    let mut left = Map::new();
    if let Value::Object(message) = &served.message {
        let is_held = |key: &str, value: &Value| match key {
            "role" | "tool_calls" | "function_call" => true,
            key if reasoning::KEYS.contains(&key) => true,
            "content" => !value.is_array(),
            _ => value.is_null(),
        };
        let rest = message.iter().filter(|(key, value)| !is_held(key, value));
        let rest: Map<String, Value> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
        left.insert("message".to_owned(), Value::Object(rest));
    }
    let texts = [("id", &served.id), ("system_fingerprint", &served.system_fingerprint)];
    left.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.clone()?.into()))));
    left.insert("choice".to_owned(), Value::Object(served.choice.clone()));
    left.insert("body".to_owned(), Value::Object(served.body.clone()));
    left
}
