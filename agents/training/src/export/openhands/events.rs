//! Records as events.

use std::collections::{BTreeSet, HashMap};

use agent_core::{Completion, Message, Record, Role, ToolCall, View};
use serde_json::{Map, Value, json};
use tool_core::Observation;

use super::super::clock::iso;
use super::super::source::Source;
use super::super::spoken::response_value;
use crate::counts::Counts;
use crate::tokens::function;

/// Tools whose calls are commands of a shell.
const SHELLS: [&str; 2] = ["bash", "execute_bash"];

/// The events up to a record.
pub(super) struct Events<'a> {
    source: &'a Source<'a>,
    events: Vec<Value>,
    /// Who said each message of the conversation, with the events that it is.
    said: Vec<(Role, Vec<usize>)>,
    /// The events that the model is no longer shown.
    forgotten: BTreeSet<usize>,
    /// The events of calls, by the call's id, with what ties an observation to them.
    calls: HashMap<String, (usize, Value)>,
    records: usize,
}

impl<'a> Events<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            events: Vec::new(),
            said: Vec::new(),
            forgotten: BTreeSet::new(),
            calls: HashMap::new(),
            records: 0,
        }
    }

    /// Takes a record.
    pub(super) fn take(&mut self, record: &Record, losses: &mut Counts) {
        let index = self.records;
        self.records += 1;
        match record {
            Record::Header(_) => self.begin(),
            Record::Conversation { name, .. } => {
                losses.count("names of conversations", usize::from(!name.is_empty()));
                self.begin();
            }
            Record::Message { message, extra, .. } => self.say(message, extra, losses),
            Record::Completion { completion, view, .. } => {
                self.forget(view.as_ref(), losses);
                self.answer(completion, index, losses);
            }
            Record::Observation { call, observation, shown, .. } => {
                losses.count(
                    "observations of which only what the model was shown is written",
                    usize::from(shown.is_some()),
                );
                self.observe(call, observation, shown.as_ref().unwrap_or(&observation.text), losses);
            }
            Record::TooLong { .. } => losses.count("requests that were refused as too long", 1),
            Record::RecordCut { .. } => losses.count("marks where the record of a killed attempt was given up", 1),
            Record::Outcome(_) => {}
        }
    }

    /// Returns the events.
    pub(super) fn finish(self, losses: &mut Counts) -> Vec<Value> {
        let copied = self.source.trajectory.records.iter().filter(|record| self.source.is_of_parent(record)).count();
        losses.count("messages taken over from a parent, which stand as if they were the episode's own", copied);
        self.events
    }

    fn push(&mut self, event: Value) -> usize {
        let id = self.events.len();
        let mut numbered = Map::from_iter([("id".to_owned(), id.into())]);
        if let Value::Object(event) = event {
            numbered.extend(event.into_iter().filter(|(_, value)| !value.is_null()));
        }
        self.events.push(Value::Object(numbered));
        id
    }

    /// Begins a conversation: what came before is no longer shown.
    fn begin(&mut self) {
        let before: Vec<usize> = self.said.drain(..).flat_map(|(_, events)| events).collect();
        self.condense(before);
    }

    /// Adds that the model is no longer shown these events.
    fn condense(&mut self, events: Vec<usize>) {
        let new: Vec<usize> = events.into_iter().filter(|event| self.forgotten.insert(*event)).collect();
        if !new.is_empty() {
            let event = json!({ "source": "agent", "message": "", "action": "condensation", "args": { "forgotten_event_ids": new } });
            self.push(event);
        }
    }

    fn forget(&mut self, view: Option<&View>, losses: &mut Counts) {
        let all = View::default();
        let view = view.unwrap_or(&all);
        losses.count("requests in which earlier observations are masked", usize::from(view.observations.is_some()));
        let head = self.said.iter().position(|(role, _)| *role == Role::User).map_or(0, |index| index + 1);
        let dropped = self.said.iter().skip(head).take(view.dropped);
        let dropped: Vec<usize> = dropped.flat_map(|(_, events)| events.clone()).collect();
        let shown_again = self.said.iter().skip(head + view.dropped).flat_map(|(_, events)| events);
        let again = shown_again.filter(|event| self.forgotten.contains(event)).count();
        losses.count("events that the model is shown again after they were left out", again);
        self.condense(dropped);
    }

    fn say(&mut self, message: &Message, extra: &Map<String, Value>, losses: &mut Counts) {
        losses.count("further fields of messages", extra.keys().filter(|key| *key != "role").count());
        let text = message.content.as_str();
        let event = match message.role {
            Role::System => json!({
                "source": "agent", "message": text, "action": "system",
                "args": { "content": text, "tools": tools(self.source), "agent_class": self.source.agent() },
            }),
            Role::User => json!({
                "source": "user", "message": text, "action": "message",
                "args": { "content": text, "image_urls": null, "wait_for_response": false },
            }),
            Role::Assistant => {
                losses.count("answers of an example, which stand as if they were the model's own", 1);
                let calls: Vec<usize> = (0..)
                    .zip(&message.tool_calls)
                    .map(|(number, call)| {
                        let thought = if number == 0 { text } else { "" };
                        let event = self.act(call, thought, &Value::Null, None);
                        self.calls.insert(call.id.clone(), (event, Value::Null));
                        event
                    })
                    .collect();
                if !calls.is_empty() {
                    return self.said.push((Role::Assistant, calls));
                }
                spoken(text)
            }
            Role::Tool => {
                let id = message.tool_call_id.clone().unwrap_or_default();
                let call = ToolCall { id, name: message.name.clone().unwrap_or_default(), arguments: String::new() };
                return self.observe(&call, &Observation::default(), text, losses);
            }
        };
        let id = self.push(event);
        self.said.push((message.role, vec![id]));
    }

    fn answer(&mut self, completion: &Completion, index: usize, losses: &mut Counts) {
        let message = &completion.message;
        let id = self.source.response_id(index, completion);
        let at = completion.served.as_ref().and_then(|served| iso(served.answered_at));
        if message.tool_calls.is_empty() {
            let reasoning = message.extras.as_ref().map_or(0, |extras| extras.message.len());
            losses.count(
                "fields beside the text of answers without a call, which only `llm_completions` holds",
                reasoning,
            );
            let mut event = spoken(&message.content);
            if let (Some(event), Some(at)) = (event.as_object_mut(), at) {
                event.insert("timestamp".to_owned(), at.into());
            }
            let event = self.push(event);
            return self.said.push((Role::Assistant, vec![event]));
        }
        let response = response_value(completion, self.source.model(), &id);
        let count = message.tool_calls.len();
        let events = message.tool_calls.iter().enumerate().map(|(number, call)| {
            let thought = if number == 0 { message.content.as_str() } else { "" };
            let metadata = |response: &Value| {
                json!({
                    "function_name": call.name, "tool_call_id": call.id, "model_response": response,
                    "total_calls_in_response": count,
                })
            };
            let event = self.act(call, thought, &metadata(&response), at.as_deref());
            // What the answer says stands with the action alone.
            let tie = metadata(&json!({ "id": id, "choices": [], "model": self.source.model() }));
            self.calls.insert(call.id.clone(), (event, tie));
            event
        });
        let events = events.collect();
        self.said.push((Role::Assistant, events));
    }

    /// Adds a call as an action.
    fn act(&mut self, call: &ToolCall, thought: &str, metadata: &Value, at: Option<&str>) -> usize {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let command = arguments.get("command").and_then(Value::as_str).filter(|_| SHELLS.contains(&call.name.as_str()));
        let (action, args) = match command {
            Some(command) => {
                ("run", json!({ "command": command, "thought": thought, "is_input": false, "hidden": false }))
            }
            None if call.name == "finish" || call.name == "submit" => {
                let last = arguments.get("message").and_then(Value::as_str).unwrap_or_default();
                ("finish", json!({ "final_thought": last, "outputs": {}, "thought": thought }))
            }
            None => {
                let arguments = if arguments.is_object() { arguments } else { json!({ "text": call.arguments }) };
                ("call_tool_mcp", json!({ "name": call.name, "arguments": arguments, "thought": thought }))
            }
        };
        self.push(json!({
            "timestamp": at, "source": "agent", "message": "", "action": action, "args": args,
            "tool_call_metadata": metadata,
        }))
    }

    fn observe(&mut self, call: &ToolCall, observation: &Observation, text: &str, losses: &mut Counts) {
        let known = self.calls.get(&call.id).cloned();
        losses.count("results of no call that was made", usize::from(known.is_none()));
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let command = arguments.get("command").and_then(Value::as_str).filter(|_| SHELLS.contains(&call.name.as_str()));
        let (kind, extras) = match command {
            Some(command) => {
                let metadata = json!({ "exit_code": observation.exit_code.unwrap_or(-1) });
                ("run", json!({ "command": command, "metadata": metadata, "hidden": false }))
            }
            None => {
                let arguments = if arguments.is_object() { arguments } else { json!({}) };
                ("mcp", json!({ "name": call.name, "arguments": arguments }))
            }
        };
        let (cause, metadata) = known.map_or((Value::Null, Value::Null), |(cause, metadata)| (cause.into(), metadata));
        let event = self.push(json!({
            "source": "agent", "message": "", "cause": cause, "observation": kind, "content": text, "extras": extras,
            "tool_call_metadata": metadata,
        }));
        self.said.push((Role::Tool, vec![event]));
    }
}

/// Returns what the agent says without a call.
fn spoken(text: &str) -> Value {
    json!({
        "source": "agent", "message": text, "action": "message",
        "args": { "content": text, "image_urls": null, "wait_for_response": false },
    })
}

/// Returns the tools of an episode, as requests list them.
pub(super) fn tools(source: &Source<'_>) -> Vec<Value> {
    let tools = source.header().map(|header| header.tools.as_slice()).unwrap_or_default();
    tools.iter().map(function).collect()
}
