//! Patches with their verdicts and no trajectory: one a row, or many a row as Trae's selection takes them.

use serde_json::{Map, Value};

use crate::import::foreign::{Foreign, take_flag, take_text};

/// Reads a row of one patch: `instance_id`, `source`, `patch`, `resolved`.
pub(crate) fn read(mut row: Map<String, Value>) -> Result<Foreign, String> {
    let instance_id = take_text(&mut row, "instance_id")?.ok_or("has no `instance_id`")?;
    let source =
        ["source", "scaffold", "model_name_or_path"].iter().find_map(|key| take_text(&mut row, key).transpose());
    Ok(Foreign {
        format: "candidate",
        instance_id,
        scaffold: source.transpose()?.unwrap_or_default(),
        patch: take_text(&mut row, "patch")?,
        resolved: take_flag(&mut row, "resolved")?,
        rest: row,
        ..Foreign::default()
    })
}

/// Reads a row of many patches: `instance_id`, `patches`, and beside each in `success_id` whether it is resolved.
pub(crate) fn read_many(mut row: Map<String, Value>) -> Result<Vec<Foreign>, String> {
    let instance_id = take_text(&mut row, "instance_id")?.ok_or("has no `instance_id`")?;
    let Some(Value::Array(patches)) = row.shift_remove("patches") else {
        return Err("`patches` is no list".to_owned());
    };
    let labels = match row.shift_remove("success_id") {
        Some(Value::Array(labels)) if labels.len() == patches.len() => labels,
        None | Some(Value::Null) => vec![Value::Null; patches.len()],
        _ => return Err(format!("`success_id` is no list of {}, as many as `patches` has", patches.len())),
    };
    let count = patches.len();
    let one = |(index, (patch, label)): (usize, (Value, Value))| {
        // What is a list of as many is of the patches one by one, and all else of each.
        let of_one = row.iter().map(|(key, value)| match value.as_array().filter(|list| list.len() == count) {
            Some(list) => (key.clone(), list.get(index).cloned().unwrap_or_default()),
            None => (key.clone(), value.clone()),
        });
        let fields = [("instance_id", instance_id.clone().into()), ("patch", patch), ("resolved", label)];
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
        read(of_one.chain(fields).collect()).map(|one| Foreign { format: "Trae candidates", ..one })
    };
    patches.into_iter().zip(labels).enumerate().map(one).collect()
}
