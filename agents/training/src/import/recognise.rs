//! Which format an object is of, told by what is in it.

use serde_json::{Map, Value};

use super::foreign::Foreign;
use super::formats::{atif, candidate, labelled, mini, moatless, nemo, openhands, swe_agent, swe_gym};

/// Reads the episodes that an object holds; `path` is of its file, which some formats leave the instance to.
///
/// # Errors
/// When it is of no format that is known, or does not hold what its format asks for.
pub(crate) fn episodes(record: Map<String, Value>, path: &str) -> Result<Vec<Foreign>, String> {
    let one = |episode: Result<Foreign, String>| episode.map(|episode| vec![episode]);
    let has = |keys: &[&str]| keys.iter().all(|key| record.contains_key(*key));
    if has(&["traj_id", "instance_id"]) && (has(&["messages"]) || has(&["raw"])) {
        let (row, raw) = labelled::read(record)?;
        let raw = if raw.is_empty() { return Ok(vec![row]) } else { episodes(raw, path)? };
        return Ok(raw.into_iter().map(|raw| labelled::with_label(&row, raw)).collect());
    }
    if mini::is(&record) {
        return one(mini::read(record, path));
    }
    if has(&["trajectory", "history"]) {
        return one(swe_agent::read(record, path));
    }
    if record.get("schema_version").and_then(Value::as_str).is_some_and(|version| version.starts_with("ATIF")) {
        return one(atif::read(record, path));
    }
    if has(&["responses_create_params", "response"]) {
        return one(nemo::read(record));
    }
    if has(&["transitions", "info"]) || has(&["steps", "info"]) {
        return one(moatless::read(record));
    }
    if has(&["instance_id", "history"]) {
        return one(openhands::read(record));
    }
    if has(&["instance_id", "messages"]) {
        return one(swe_gym::read(record));
    }
    if has(&["instance_id", "patches"]) {
        return candidate::read_many(record);
    }
    if has(&["test_patch"]) || has(&["FAIL_TO_PASS"]) {
        return Err("is an instance of a dataset and no episode: its patch is the reference solution".to_owned());
    }
    if has(&["instance_id", "patch"]) {
        return one(candidate::read(record));
    }
    let keys: Vec<&str> = record.keys().map(String::as_str).take(12).collect();
    Err(format!("is of no format that is known; it has {}", keys.join(", ")))
}
