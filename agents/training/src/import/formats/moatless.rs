//! Moatless's trajectories: states with the actions that the model chose in them, as `transitions`, or in its first
//! release as `steps`.
//!
//! They do not hold what the model was shown. The conversation is put together from what there is: the instance, each
//! action as a call, and what came of it.

use agent_core::{Role, Served, Spending, Usage};
use serde_json::{Map, Value, json};

use crate::import::conversation::{Answer, Conversation};
use crate::import::foreign::{Foreign, take_object, take_objects, take_text};

/// Reads a file.
pub(crate) fn read(mut record: Map<String, Value>) -> Result<Foreign, String> {
    let mut info = take_object(&mut record, "info")?;
    let of_record = take_text(&mut record, "instance_id")?;
    let instance_id = take_text(&mut info, "instance_id")?.or(of_record).ok_or("`info` has no `instance_id`")?;
    let patch = take_text(&mut info, "submission")?;
    let exit_status = match info.get("error").and_then(Value::as_str) {
        Some(_) => Some("error".to_owned()),
        None => info.get("status").and_then(Value::as_str).map(str::to_owned),
    };
    let float = |key: &str| info.get(key).and_then(Value::as_f64).unwrap_or_default();
    let spending = Spending { cost: float("total_cost"), seconds: float("duration"), ..Spending::default() };
    let mut conversation = Conversation::default();
    if let Some(text) = initial(&mut record)? {
        conversation.tell(Role::User, [("content".to_owned(), Value::String(text))].into_iter().collect())?;
    }
    let key = if record.contains_key("transitions") { "transitions" } else { "steps" };
    let (mut model, mut idle, mut number) = (String::new(), Vec::new(), 0);
    for (index, mut state) in take_objects(&mut record, key)?.into_iter().enumerate() {
        let name = take_text(&mut state, "name")?.unwrap_or_default();
        if let Some(found) = state.get("state").and_then(|state| state.get("model")?.as_str()) {
            found.clone_into(&mut model);
        }
        let actions = if state.contains_key("actions") { take_objects(&mut state, "actions")? } else { Vec::new() };
        if actions.is_empty() {
            idle.push(json!({ "index": index, "name": name, "state": state }));
        }
        // What is said of the state stands with its first action.
        let mut of_state = Some(state);
        for action in actions {
            number += 1;
            act(&mut conversation, &name, number, of_state.take().unwrap_or_default(), action)
                .map_err(|err| format!("`{key}[{index}]`: {err}"))?;
        }
    }
    record.insert("info".to_owned(), Value::Object(info));
    record.insert("states_without_actions".to_owned(), idle.into());
    record.insert("prompts".to_owned(), "not in the record: the conversation is put together from the actions".into());
    Ok(Foreign {
        format: "Moatless",
        instance_id,
        scaffold: "moatless-tools".to_owned(),
        model,
        records: conversation.into_records(),
        patch,
        exit_status,
        spending: Some(spending),
        rest: record,
        ..Foreign::default()
    })
}

/// Returns what the instance says.
fn initial(record: &mut Map<String, Value>) -> Result<Option<String>, String> {
    if let Some(text) = take_text(record, "initial_message")? {
        return Ok(Some(text));
    }
    let mut input = take_object(record, "input")?;
    let text = take_text(&mut input, "problem_statement")?;
    if !input.is_empty() {
        record.insert("input".to_owned(), Value::Object(input));
    }
    Ok(text)
}

/// Adds an action as a call, and what came of it.
fn act(
    conversation: &mut Conversation,
    state_name: &str,
    number: usize,
    mut state: Map<String, Value>,
    mut action: Map<String, Value>,
) -> Result<(), String> {
    let name = take_text(&mut action, "name")?;
    let chosen = action.shift_remove("action").or_else(|| action.shift_remove("input")).unwrap_or_else(|| json!({}));
    let retry = take_text(&mut action, "retry_message")?;
    let output = action.shift_remove("output").filter(|output| !output.is_null());
    // The first release counts the cost of a step.
    let cost = action.shift_remove("completion_cost").or_else(|| state.shift_remove("completion_cost"));
    let mut count = |key: &str| action.shift_remove(key).and_then(|count| count.as_u64()).unwrap_or_default();
    let usage =
        Usage { prompt_tokens: count("input_tokens"), completion_tokens: count("output_tokens"), cached_tokens: 0 };
    let id = format!("action-{number}");
    let thought = take_text(&mut state, "thought")?.unwrap_or_default();
    let tool = name.unwrap_or_else(|| state_name.to_owned());
    let message = json!({
        "content": thought,
        "tool_calls": [{ "id": id, "function": { "name": tool, "arguments": chosen.to_string() } }],
    });
    let Value::Object(message) = message else { return Ok(()) };
    action.insert("state_name".to_owned(), state_name.into());
    if !state.is_empty() {
        action.insert("state".to_owned(), Value::Object(state));
    }
    let served = Some(Served { body: action, ..Served::default() });
    let cost = cost.and_then(|cost| cost.as_f64());
    conversation.answer(message, Answer { usage, cost, served, ..Answer::default() })?;
    let text = match (&retry, &output) {
        (Some(retry), _) => retry.clone(),
        (None, Some(output)) => {
            let message = output.get("message").and_then(Value::as_str).filter(|text| !text.is_empty());
            message.map_or_else(|| output.to_string(), str::to_owned)
        }
        (None, None) => return Ok(()),
    };
    let mut observed = Map::from_iter([("tool_call_id".to_owned(), id.into()), ("content".to_owned(), text.into())]);
    observed.extend(output.map(|output| ("output".to_owned(), output)));
    conversation.observe(observed, 0.0)
}
