//! An episode of another program, as read from its record.

use agent_core::{ExitStatus, Record, Spending, ToolSpec};
use dataset::kind;
use serde_json::{Map, Value};

/// An episode of another program, or only the patch that came of it.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// Name of the format that it was read from.
    pub(crate) format: &'static str,
    /// The instance.
    pub(crate) instance_id: String,
    /// The agent's name; empty where the record has none.
    pub(crate) scaffold: String,
    /// The model's name; empty where the record has none.
    pub(crate) model: String,
    /// What was said, called and seen; empty where only the patch is known.
    pub(crate) records: Vec<Record>,
    /// The tools that the model could call.
    pub(crate) tools: Vec<ToolSpec>,
    /// The patch; `None` where the record has no place for one.
    pub(crate) patch: Option<String>,
    /// Whether the patch was resolved, where the record says so.
    pub(crate) resolved: Option<bool>,
    /// How the episode ended, in the words of the record.
    pub(crate) exit_status: Option<String>,
    /// How the episode ended, where the record says it as ours do.
    pub(crate) ended: Option<ExitStatus>,
    /// What the record says that the whole episode took, where it says more than its answers do.
    pub(crate) spending: Option<Spending>,
    /// All else that the record says of the episode as a whole.
    pub(crate) rest: Map<String, Value>,
}

impl Foreign {
    /// Returns the name of the cell for episodes of this agent and model.
    pub(crate) fn cell(&self) -> String {
        let names = [&self.scaffold, &self.model].into_iter().filter(|name| !name.is_empty());
        let name = names.map(|name| plain(name)).filter(|name| !name.is_empty()).collect::<Vec<_>>().join("+");
        if name.is_empty() { "imported".to_owned() } else { name }
    }
}

/// Returns a name with what a path or a shell reads otherwise written as a hyphen.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._=".contains(c);
    name.split(|c| !is_plain(c)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Takes a text out of a record; nothing where it is absent or null.
///
/// # Errors
/// When there is something else.
pub(crate) fn take_text(map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match map.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` is {} and not text", kind(&other))),
    }
}

/// Takes how an episode ended out of a record. One that is null is said not to be known, where one that is absent may be
/// of a format that never says it.
///
/// # Errors
/// When there is something else than text.
pub(crate) fn take_exit(map: &mut Map<String, Value>) -> Result<Option<String>, String> {
    let is_null = map.get("exit_status").is_some_and(Value::is_null);
    let word = take_text(map, "exit_status")?;
    Ok(word.or_else(|| is_null.then(|| NO_EXIT.to_owned())))
}

/// How an episode ended of which the record does not know it.
pub(crate) const NO_EXIT: &str = "the record does not know how it ended";

/// Takes yes or no out of a record, which some write as 1 and 0.
///
/// # Errors
/// When there is something else.
pub(crate) fn take_flag(map: &mut Map<String, Value>, key: &str) -> Result<Option<bool>, String> {
    match map.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(Value::Number(number)) if number.as_f64() == Some(1.0) => Ok(Some(true)),
        Some(Value::Number(number)) if number.as_f64() == Some(0.0) => Ok(Some(false)),
        Some(other) => Err(format!("`{key}` is {other} and not true or false")),
    }
}

/// Takes a list of objects out of a record.
///
/// # Errors
/// When it is absent, or there is something else.
pub(crate) fn take_objects(map: &mut Map<String, Value>, key: &str) -> Result<Vec<Map<String, Value>>, String> {
    let list = match map.shift_remove(key) {
        Some(Value::Array(list)) => list,
        None => return Err(format!("has no `{key}`")),
        Some(other) => return Err(format!("`{key}` is {} and not a list", kind(&other))),
    };
    let object = |(index, value)| match value {
        Value::Object(map) => Ok(map),
        other => Err(format!("`{key}[{index}]` is {} and not an object", kind(&other))),
    };
    list.into_iter().enumerate().map(object).collect()
}

/// Takes an object out of a record; an empty one where it is absent or null.
///
/// # Errors
/// When there is something else.
pub(crate) fn take_object(map: &mut Map<String, Value>, key: &str) -> Result<Map<String, Value>, String> {
    match map.shift_remove(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(other) => Err(format!("`{key}` is {} and not an object", kind(&other))),
    }
}
