//! SWE-agent's `.traj`: what was done in `trajectory`, what the model was shown in `history`.

use agent_core::{Role, Served, Spending, Usage};
use serde_json::{Map, Value};

use crate::import::conversation::{Answer, Conversation};
use crate::import::foreign::{Foreign, take_exit, take_object, take_objects, take_text};
use crate::import::named_instance::named_instance;

/// Reads a file.
pub(crate) fn read(mut record: Map<String, Value>, path: &str) -> Result<Foreign, String> {
    let mut info = take_object(&mut record, "info")?;
    let patch = take_text(&mut info, "submission")?.unwrap_or_default();
    let exit_status = take_exit(&mut info)?;
    let spending = info.get("model_stats").map(spending);
    let mut steps = take_objects(&mut record, "trajectory")?.into_iter();
    let history = take_objects(&mut record, "history")?;
    let mut conversation = Conversation::default();
    for (index, message) in history.into_iter().enumerate() {
        say(&mut conversation, message, &mut steps).map_err(|err| format!("`history[{index}]`: {err}"))?;
    }
    // Steps without an answer in the history, such as one that a limit cut short.
    let left: Vec<Value> = steps.map(Value::Object).collect();
    if !left.is_empty() {
        record.insert("trajectory".to_owned(), left.into());
    }
    let instance_id = match take_text(&mut record, "instance_id")? {
        Some(id) => id,
        None => named_instance(path)?,
    };
    record.insert("info".to_owned(), Value::Object(info));
    Ok(Foreign {
        format: "SWE-agent",
        instance_id,
        scaffold: "SWE-agent".to_owned(),
        records: conversation.into_records(),
        patch: Some(patch),
        exit_status,
        spending,
        rest: record,
        ..Foreign::default()
    })
}

fn say(
    conversation: &mut Conversation,
    mut message: Map<String, Value>,
    steps: &mut impl Iterator<Item = Map<String, Value>>,
) -> Result<(), String> {
    let is_demo = message.get("is_demo").and_then(Value::as_bool).unwrap_or_default();
    match message.get("role").and_then(Value::as_str) {
        Some("assistant") if is_demo => {
            message.shift_remove("role");
            conversation.tell(Role::Assistant, message)
        }
        Some("assistant") => {
            let step = steps.next().unwrap_or_default();
            let seconds = step.get("execution_time").and_then(Value::as_f64).unwrap_or_default();
            let step = beside(step, &message);
            let body = [("step".to_owned(), Value::Object(step))].into_iter().collect();
            conversation.answer(
                message,
                Answer { seconds, served: Some(Served { body, ..Served::default() }), ..Answer::default() },
            )
        }
        Some("tool") => {
            // The ids of a call stand in a list of one.
            if let Some(Value::Array(ids)) = message.get("tool_call_ids")
                && let [Value::String(id)] = ids.as_slice()
            {
                let id = id.clone();
                message.shift_remove("tool_call_ids");
                message.insert("tool_call_id".to_owned(), id.into());
            }
            conversation.say(message)
        }
        _ => conversation.say(message),
    }
}

/// Returns what a step holds that the message does not say: not what it was asked, which is the history so far.
fn beside(step: Map<String, Value>, message: &Map<String, Value>) -> Map<String, Value> {
    let is_said = |key: &str, value: &Value| match key {
        "query" | "messages" => true,
        "response" => message.get("content") == Some(value),
        _ => message.get(key) == Some(value),
    };
    step.into_iter().filter(|(key, value)| !is_said(key, value)).collect()
}

fn spending(stats: &Value) -> Spending {
    let count = |key: &str| stats.get(key).and_then(Value::as_u64).unwrap_or_default();
    Spending {
        queries: count("api_calls"),
        usage: Usage {
            prompt_tokens: count("tokens_sent"),
            completion_tokens: count("tokens_received"),
            cached_tokens: 0,
        },
        cost: stats.get("instance_cost").and_then(Value::as_f64).unwrap_or_default(),
        ..Spending::default()
    }
}
