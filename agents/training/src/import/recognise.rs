//! Which format an object is of, told by what is in it.

use serde_json::{Map, Value};

use super::foreign::Foreign;
use super::formats::{candidate, labelled, mini, swe_agent};

/// Reads the episodes that an object holds; `stem` is the name of its file, which some formats leave the instance to.
///
/// # Errors
/// When it is of no format that is known, or does not hold what its format asks for.
pub(crate) fn episodes(record: Map<String, Value>, stem: &str) -> Result<Vec<Foreign>, String> {
    let one = |episode: Result<Foreign, String>| episode.map(|episode| vec![episode]);
    let has = |keys: &[&str]| keys.iter().all(|key| record.contains_key(*key));
    if has(&["traj_id", "instance_id"]) && (has(&["messages"]) || has(&["raw"])) {
        return labelled::read(record, stem);
    }
    if mini::is(&record) {
        return one(mini::read(record, stem));
    }
    if has(&["trajectory", "history"]) {
        return one(swe_agent::read(record, stem));
    }
    if has(&["instance_id", "patches"]) {
        return candidate::read_many(record);
    }
    if has(&["instance_id", "patch"]) && !has(&["messages"]) {
        return one(candidate::read(record));
    }
    let keys: Vec<&str> = record.keys().map(String::as_str).take(12).collect();
    Err(format!("is of no format that is known; it has {}", keys.join(", ")))
}

/// Returns the instance that a file is named after, such as `django__django-11099` of `django__django-11099.traj`.
pub(crate) fn named_instance(stem: &str) -> Result<String, String> {
    let ends = stem.char_indices().filter(|(_, c)| *c == '.').map(|(at, _)| at).chain([stem.len()]);
    let is_id = |name: &&str| {
        name.contains("__") && name.rsplit_once('-').is_some_and(|(_, number)| number.parse::<u64>().is_ok())
    };
    let name = ends.filter_map(|end| stem.get(..end)).find(is_id);
    let unnamed = || {
        format!(
            "does not say which instance it is of, and neither does the name of its file, `{stem}`\nhint: name the file after its instance, such as `django__django-11099.traj`"
        )
    };
    name.map(str::to_owned).ok_or_else(unnamed)
}
