//! OpenHands' `output.jsonl`: the events of an episode in `history`, or beside them its completions.

use std::collections::{BTreeSet, HashSet};

use agent_core::{Role, Spending};
use dataset::kind;
use serde_json::{Map, Value, json};

use super::completions::completions;
use crate::beside::{self, Whole};
use crate::import::conversation::{Answer, Conversation, tools};
use crate::import::foreign::{Foreign, take_flag, take_object, take_text};
use crate::import::response::respond;

/// Reads a row.
pub(crate) fn read(mut row: Map<String, Value>) -> Result<Foreign, String> {
    let instance_id = take_text(&mut row, "instance_id")?.ok_or("has no `instance_id`")?;
    let mut result = take_object(&mut row, "test_result")?;
    let patch = match take_text(&mut result, "git_patch")? {
        Some(patch) => Some(patch),
        None => take_text(&mut row, "git_patch")?,
    };
    let reported = row.get("report").and_then(|report| report.get("resolved")?.as_bool());
    let resolved = take_flag(&mut row, "resolved")?.or(reported);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let metadata = row.get("metadata");
    let agent = text(metadata.and_then(|metadata| metadata.get("agent_class"))).unwrap_or_default();
    let model = text(metadata.and_then(|metadata| metadata.pointer("/llm_config/model"))).unwrap_or_default();
    let exit_status = text(row.get("error")).filter(|error| !error.is_empty());
    let cost = row.get("metrics").and_then(|metrics| metrics.get("accumulated_cost")?.as_f64());
    let spending = cost.map(|cost| Spending { cost, ..Spending::default() });
    let ours: Whole =
        row.get(beside::KEY).and_then(|ours| serde_json::from_value(ours.clone()).ok()).unwrap_or_default();
    let mut conversation = Conversation::default();
    let listed = match ["completions", "llm_completions"].iter().find(|key| row.get(**key).is_some_and(Value::is_array))
    {
        Some(key) => completions(&mut conversation, &mut row, key)?,
        None => {
            let listed = system_tools(&row);
            events(&mut conversation, &mut row)?;
            listed
        }
    };
    if !result.is_empty() {
        row.insert("test_result".to_owned(), Value::Object(result));
    }
    Ok(Foreign {
        format: "OpenHands",
        instance_id,
        scaffold: if ours.agent.is_empty() { format!("OpenHands {agent}").trim_end().to_owned() } else { ours.agent },
        ended: ours.exit_status,
        model,
        records: conversation.into_records(),
        tools: tools(&listed)?,
        patch,
        resolved,
        exit_status,
        spending,
        rest: row,
    })
}

/// Returns the tools that the event of the system prompt lists.
fn system_tools(row: &Map<String, Value>) -> Vec<Value> {
    let events = row.get("history").and_then(Value::as_array);
    let system =
        events.into_iter().flatten().find(|event| event.get("action").is_some_and(|action| action == "system"));
    let tools = system.and_then(|event| event.pointer("/args/tools")?.as_array());
    tools.cloned().unwrap_or_default()
}

/// Says what the events are; those that are no part of a conversation stay with the row.
fn events(conversation: &mut Conversation, row: &mut Map<String, Value>) -> Result<(), String> {
    let Some(Value::Array(history)) = row.shift_remove("history") else {
        return Err("`history` is no list".to_owned());
    };
    // Earlier versions hold pairs of an action and its observation.
    let flat = history.into_iter().flat_map(|event| match event {
        Value::Array(pair) => pair,
        event => vec![event],
    });
    let (mut others, mut answered, mut said) = (Vec::new(), HashSet::new(), BTreeSet::new());
    for (index, event) in flat.enumerate() {
        let Value::Object(event) = event else { return Err(format!("`history[{index}]` is {}", kind(&event))) };
        if event.get("action").is_some_and(|action| action == "condensation") {
            // Where nothing is shown any more, a new conversation begins; all turns are kept in any case.
            let gone = forgotten(&event);
            if !said.is_empty() && said.is_subset(&gone) {
                conversation.begin(String::new());
                said.clear();
            }
            others.push(Value::Object(event));
            continue;
        }
        let id = event.get("id").and_then(Value::as_u64);
        let kept = say(conversation, event, &mut answered).map_err(|err| format!("`history[{index}]`: {err}"))?;
        said.extend(id.filter(|_| kept.is_none()));
        others.extend(kept.map(Value::Object));
    }
    if !others.is_empty() {
        row.insert("events".to_owned(), others.into());
    }
    Ok(())
}

/// Returns the events that a condensation leaves out from there on.
fn forgotten(event: &Map<String, Value>) -> BTreeSet<u64> {
    let field = |key: &str| event.get("args").and_then(|args| args.get(key));
    let number = |key: &str| field(key).and_then(Value::as_u64);
    let listed = field("forgotten_event_ids").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_u64);
    let range = number("forgotten_events_start_id").zip(number("forgotten_events_end_id"));
    // No more than a history has, whatever a damaged one says.
    let range = range.into_iter().flat_map(|(start, end)| (start..=end).take(1_000_000));
    listed.chain(range).collect()
}

/// Says what an event is, or hands it back where it is no part of a conversation.
fn say(
    conversation: &mut Conversation,
    mut event: Map<String, Value>,
    answered: &mut HashSet<String>,
) -> Result<Option<Map<String, Value>>, String> {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (source, action, observation) = (text("source"), text("action"), text("observation"));
    let said = event.get("args").and_then(|args| args.get("content")).cloned();
    let metadata = event.get("tool_call_metadata").cloned().filter(|metadata| !metadata.is_null());
    match (source.as_str(), action.as_str()) {
        ("user", "message") | (_, "system") => {
            let role = if action == "system" { Role::System } else { Role::User };
            event.insert("content".to_owned(), said.or_else(|| event.get("message").cloned()).unwrap_or_default());
            conversation.tell(role, event)?;
            Ok(None)
        }
        ("agent", action) if !action.is_empty() && !OF_THE_PROGRAM.contains(&action) => {
            decide(conversation, event, metadata, answered)?;
            Ok(None)
        }
        _ if !observation.is_empty() && (metadata.is_some() || event.contains_key("cause")) => {
            if observation == "agent_state_changed" || observation == "null" {
                return Ok(Some(event));
            }
            let id = metadata.as_ref().and_then(|metadata| metadata.get("tool_call_id")).cloned();
            let id = id.unwrap_or_else(|| event_id(event.get("cause")).into());
            // What answers no call is no observation of the agent's.
            if !id.as_str().is_some_and(|id| conversation.knows(id)) {
                return Ok(Some(event));
            }
            event.insert("tool_call_id".to_owned(), id);
            conversation.observe(event, 0.0)?;
            Ok(None)
        }
        _ => Ok(Some(event)),
    }
}

/// Adds what the agent did: the answer that it is from, or without one the action as a call.
fn decide(
    conversation: &mut Conversation,
    event: Map<String, Value>,
    metadata: Option<Value>,
    answered: &mut HashSet<String>,
) -> Result<(), String> {
    if let Some(response) =
        metadata.as_ref().and_then(|metadata| metadata.get("model_response")).filter(|r| r.is_object())
    {
        // Several actions may be of one answer.
        let id = response.get("id").map(Value::to_string).unwrap_or_else(|| event_id(event.get("id")));
        return if answered.insert(id) { respond(conversation, response.clone()) } else { Ok(()) };
    }
    let args = event.get("args").cloned().unwrap_or_default();
    let action = event.get("action").and_then(Value::as_str).unwrap_or_default();
    let field = |key: &str| args.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = if action == "message" {
        json!({ "content": field("content"), "event": event })
    } else {
        let call = json!({ "id": event_id(event.get("id")), "function": { "name": action, "arguments": args } });
        json!({ "content": field("thought"), "tool_calls": [call], "event": event })
    };
    let Value::Object(message) = message else { return Ok(()) };
    // What `llm_metrics` has is a running total, and not of this answer.
    conversation.answer(message, Answer::default())
}

/// Actions of an agent that its model has not asked for.
const OF_THE_PROGRAM: [&str; 4] = ["change_agent_state", "condensation", "condensation_request", "recall"];

fn event_id(id: Option<&Value>) -> String {
    format!("event-{}", id.map(Value::to_string).unwrap_or_default())
}
