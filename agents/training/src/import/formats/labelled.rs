//! Trajectories of several scaffolds, each with a label: `traj_id`, `scaffold`, `model`, `instance_id`, `resolved`,
//! `patch` and either `messages` or, as `raw`, the record of the scaffold.

use serde_json::{Map, Value};

use crate::import::conversation::Conversation;
use crate::import::foreign::{Foreign, take_exit, take_flag, take_object, take_text};
use crate::import::response::respond;

/// Reads a row; returns it with the record of the scaffold, which is empty where the row has messages.
pub(crate) fn read(mut row: Map<String, Value>) -> Result<(Foreign, Map<String, Value>), String> {
    let mut of_row = Foreign {
        format: "labelled",
        instance_id: take_text(&mut row, "instance_id")?.ok_or("has no `instance_id`")?,
        scaffold: take_text(&mut row, "scaffold")?.unwrap_or_default(),
        model: take_text(&mut row, "model")?.unwrap_or_default(),
        patch: take_text(&mut row, "patch")?,
        resolved: take_flag(&mut row, "resolved")?,
        exit_status: take_exit(&mut row)?,
        ..Foreign::default()
    };
    let mut raw = take_object(&mut row, "raw")?;
    if !raw.is_empty() {
        // Some scaffolds leave it to the file's name.
        raw.entry("instance_id").or_insert_with(|| of_row.instance_id.clone().into());
        of_row.rest = row;
        return Ok((of_row, raw));
    }
    let mut conversation = Conversation::default();
    conversation.say_all(&mut row, "messages")?;
    if let Some(response) = row.shift_remove("final_response").filter(|response| !response.is_null()) {
        respond(&mut conversation, response).map_err(|err| format!("`final_response`: {err}"))?;
    }
    of_row.records = conversation.into_records();
    of_row.rest = row;
    Ok((of_row, raw))
}

/// Returns an episode with what its row says of it.
pub(crate) fn with_label(row: &Foreign, raw: Foreign) -> Foreign {
    let or = |row: &String, raw: String| if row.is_empty() { raw } else { row.clone() };
    let mut rest = raw.rest;
    for (key, value) in &row.rest {
        rest.entry(key).or_insert_with(|| value.clone());
    }
    Foreign {
        instance_id: row.instance_id.clone(),
        scaffold: or(&row.scaffold, raw.scaffold),
        model: or(&row.model, raw.model),
        patch: row.patch.clone().or(raw.patch),
        resolved: row.resolved.or(raw.resolved),
        exit_status: row.exit_status.clone().or(raw.exit_status),
        rest,
        ..raw
    }
}
