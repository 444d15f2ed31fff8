//! What our records say that a format of another program has no field for, as it is written beside, and read back.

use agent_core::{ExitStatus, Parent, View};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The key that all of it stands under, wherever a format lets anyone add fields.
pub(crate) const KEY: &str = "spotter";

/// Of an episode as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Whole {
    /// The run.
    pub run: String,
    /// The cell.
    pub cell: String,
    /// Number of the sample, from 0.
    pub sample: u32,
    /// The agent.
    pub agent: String,
    /// How it ended, with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<ExitStatus>,
    /// What came of it, in a word.
    pub ending: String,
    /// The episode whose first steps it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The header of its record, without the tools.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub header: Map<String, Value>,
    /// What it took.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub spending: Value,
    /// The verdict.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub judged: Value,
}

/// Of a message or an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OfStep {
    /// The names of the conversations that begin before it; what was said earlier is no longer shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<String>,
    /// What of the conversation its request did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// How many requests before it were refused as too long.
    #[serde(skip_serializing_if = "is_zero")]
    pub too_long: u64,
    /// Wall-clock seconds it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why the model stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What was wrong with a call that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
    /// Further fields of the message.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub message: Map<String, Value>,
    /// What its server, or the record that it was read from, says of it beside.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub served: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OfCall {
    /// The arguments as the model wrote them, where they are no JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Further fields of the call.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub call: Map<String, Value>,
    /// Further fields of its function.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub function: Map<String, Value>,
}

/// Of what a call showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OfResult {
    /// The call that it is of, where that is none of the step it stands with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The tool, where no call of the step says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The command's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Wall-clock seconds it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What the record that it was read from says of it beside.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub record: Map<String, Value>,
}

/// Returns a value as fields to add under [`KEY`]; `None` where it says nothing.
pub(crate) fn written<T: Serialize + Default + PartialEq>(beside: &T) -> Option<Map<String, Value>> {
    let value = (*beside != T::default()).then(|| serde_json::to_value(beside).ok())??;
    Some(Map::from_iter([(KEY.to_owned(), value)]))
}

/// Returns what stands under [`KEY`] of an object's `extra`, where it can be read.
pub(crate) fn read<T: DeserializeOwned + Default>(map: &Map<String, Value>) -> T {
    let found = map.get("extra").and_then(|extra| extra.get(KEY)).cloned();
    found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default()
}
