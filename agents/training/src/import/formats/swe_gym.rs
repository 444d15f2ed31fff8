//! The released sets of SWE-Gym, and other rows with `messages` and `instance_id`.

use serde_json::{Map, Value};

use crate::import::conversation::{Conversation, tools};
use crate::import::foreign::{Foreign, take_exit, take_flag, take_object, take_text};

/// Reads a row.
pub(crate) fn read(mut row: Map<String, Value>) -> Result<Foreign, String> {
    let instance_id = take_text(&mut row, "instance_id")?.ok_or("has no `instance_id`")?;
    let (scaffold, model) = match row.get("run_id").and_then(Value::as_str) {
        Some(run) => made_by(run),
        None => (String::new(), String::new()),
    };
    let scaffold = take_text(&mut row, "scaffold")?.unwrap_or(scaffold);
    let model = take_text(&mut row, "model")?.unwrap_or(model);
    let mut result = take_object(&mut row, "test_result")?;
    let patch = match take_text(&mut result, "git_patch")? {
        Some(patch) => Some(patch),
        None => take_text(&mut row, "patch")?,
    };
    let in_result = result.get("report").and_then(|report| report.get("resolved")?.as_bool());
    let resolved = take_flag(&mut row, "resolved")?.or(in_result);
    let exit_status = take_exit(&mut row)?;
    let listed = match row.shift_remove("tools") {
        // Parquet holds them as text.
        Some(Value::String(text)) => serde_json::from_str(&text).map_err(|err| format!("`tools`: {err}"))?,
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    if let Some(Value::String(text)) = row.get("messages") {
        let messages = serde_json::from_str(text).map_err(|err| format!("`messages`: {err}"))?;
        row.insert("messages".to_owned(), messages);
    }
    let mut conversation = Conversation::default();
    conversation.say_all(&mut row, "messages")?;
    if !result.is_empty() {
        row.insert("test_result".to_owned(), Value::Object(result));
    }
    Ok(Foreign {
        format: "SWE-Gym",
        instance_id,
        scaffold,
        model,
        records: conversation.into_records(),
        tools: tools(&listed)?,
        patch,
        resolved,
        exit_status,
        rest: row,
        ..Foreign::default()
    })
}

/// Returns the agent and the model that the name of a run of OpenHands' evaluation holds, such as
/// `CodeActAgent/gpt-4o-2024-08-06_maxiter_30_N_v2.1-no-hint-run_1`.
fn made_by(run: &str) -> (String, String) {
    let (folders, last) = run.trim_end_matches('/').rsplit_once('/').unwrap_or(("", run));
    let scaffold = folders.rsplit('/').next().filter(|name| !name.is_empty());
    match last.split_once("_maxiter_") {
        Some((model, _)) => (scaffold.unwrap_or("OpenHands").to_owned(), model.to_owned()),
        None => (run.to_owned(), String::new()),
    }
}
