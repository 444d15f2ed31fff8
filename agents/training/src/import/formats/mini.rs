//! mini-swe-agent's `.traj.json` (`trajectory_format` "mini-swe-agent-1" and 1.1).

use agent_core::{Served, Spending};
use serde_json::{Map, Value};

use crate::beside::{self, Whole};
use crate::import::conversation::{Answer, Conversation, usage};
use crate::import::foreign::{Foreign, take_exit, take_flag, take_object, take_objects, take_text};
use crate::import::named_instance::named_instance;

/// Returns whether an object is of this format.
pub(crate) fn is(record: &Map<String, Value>) -> bool {
    let format = record.get("trajectory_format").and_then(Value::as_str).unwrap_or_default();
    let version = record.get("info").and_then(|info| info.get("mini_version"));
    record.contains_key("messages") && (format.starts_with("mini-swe-agent") || version.is_some())
}

/// Reads a file.
pub(crate) fn read(mut record: Map<String, Value>, path: &str) -> Result<Foreign, String> {
    let mut info = take_object(&mut record, "info")?;
    let instance_id = match take_text(&mut record, "instance_id")? {
        Some(id) => id,
        None => named_instance(path)?,
    };
    let version =
        info.get("mini_version").and_then(Value::as_str).map(|version| format!(" {version}")).unwrap_or_default();
    let model =
        info.get("config").and_then(|config| config.get("model")?.get("model_name")?.as_str()).map(str::to_owned);
    let patch = take_text(&mut info, "submission")?.unwrap_or_default();
    let exit_status = take_exit(&mut info)?;
    let resolved = take_flag(&mut info, "resolved")?;
    let ours: Whole =
        info.get(beside::KEY).and_then(|ours| serde_json::from_value(ours.clone()).ok()).unwrap_or_default();
    let mut conversation = Conversation::default();
    for (index, message) in take_objects(&mut record, "messages")?.into_iter().enumerate() {
        say(&mut conversation, message).map_err(|err| format!("`messages[{index}]`: {err}"))?;
    }
    let stats = info.get("model_stats").cloned();
    let number = |key: &str| stats.as_ref().and_then(|stats| stats.get(key));
    let spending = Spending {
        queries: number("api_calls").and_then(Value::as_u64).unwrap_or_default(),
        cost: number("instance_cost").and_then(Value::as_f64).unwrap_or_default(),
        ..Spending::default()
    };
    record.insert("info".to_owned(), Value::Object(info));
    Ok(Foreign {
        format: "mini-swe-agent",
        instance_id,
        scaffold: if ours.agent.is_empty() { format!("mini-swe-agent{version}") } else { ours.agent },
        model: model.unwrap_or_default(),
        records: conversation.into_records(),
        patch: Some(patch),
        exit_status,
        resolved,
        ended: ours.exit_status,
        spending: stats.is_some().then_some(spending),
        rest: record,
        ..Foreign::default()
    })
}

/// Adds a message; an answer of the later versions holds in `extra` what the server sent.
fn say(conversation: &mut Conversation, mut message: Map<String, Value>) -> Result<(), String> {
    if message.get("role").is_none_or(|role| role != "assistant") {
        return conversation.say(message);
    }
    let mut extra = take_object(&mut message, "extra")?;
    let response = take_object(&mut extra, "response")?;
    let counted = response.get("usage").cloned().filter(|usage| !usage.is_null());
    let finish = response.get("choices").and_then(|choices| choices.get(0)?.get("finish_reason")?.as_str());
    let finish_reason = finish.map(str::to_owned);
    let answer = Answer {
        usage: counted.as_ref().map(usage).unwrap_or_default(),
        cost: extra.get("cost").and_then(Value::as_f64),
        finish_reason,
        served: (!response.is_empty()).then(|| Served { usage: counted, body: response, ..Served::default() }),
        ..Answer::default()
    };
    if !extra.is_empty() {
        message.insert("extra".to_owned(), Value::Object(extra));
    }
    conversation.answer(message, answer)
}
