//! What a trainer asks for.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::gym::Wanted;
use crate::refusal::Refusal;

/// What a trainer asks for: an instance, and what is other than on the server's command line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The id of the rollout; asked for again by the same one, it goes on, or is answered as before.
    pub(super) rollout_id: Option<String>,
    instance_id: Option<String>,
    index: Option<i64>,
    split: Option<String>,
    seed: Option<u64>,
    /// The agent; by default the server's.
    pub(super) agent: Option<String>,
    /// Settings of the model: some of those below `model` in the configuration.
    #[serde(default)]
    model: Map<String, Value>,
    /// Settings below `limits`.
    #[serde(default)]
    limits: Map<String, Value>,
}

/// What of a model's settings a request may set: none that names a file or a key of the server.
const OF_MODEL: [&str; 18] = [
    "name",
    "base_url",
    "temperature",
    "top_p",
    "max_output_tokens",
    "seed",
    "stop",
    "extra",
    "tool_calls",
    "several_calls",
    "send_reasoning",
    "system_role",
    "merge_roles",
    "limit_name",
    "leave_out",
    "timeout",
    "token_ids",
    "logprobs",
];

/// The variable with the key for endpoints that requests name. They are never sent the key of the server's own model.
const KEY: &str = "SPOTTER_ROLLOUT_API_KEY";

impl Asked {
    /// Returns which instance it is about.
    pub(super) fn wanted(&self) -> Wanted {
        let Self { instance_id, index, split, seed, .. } = self.clone();
        Wanted { instance_id, index, split, seed }
    }

    /// Returns the settings that it asks for, as key paths with values. Tokens and log probabilities are asked for unless it
    /// says otherwise.
    pub(super) fn sets(&self) -> Result<Vec<(String, serde_yaml::Value, String)>, Refusal> {
        let mut sets = Vec::new();
        let mut set = |path: String, value: &Value| match serde_yaml::to_value(value) {
            Ok(value) => {
                sets.push((path, value, "the request".to_owned()));
                Ok(())
            }
            Err(err) => Err(Refusal::unfit(format!("`{path}` is no setting: {err}"))),
        };
        for key in ["token_ids", "logprobs"] {
            set(format!("model.{key}"), &Value::Bool(true))?;
        }
        if self.model.contains_key("base_url") {
            set("model.api_key_env".to_owned(), &KEY.into())?;
        }
        for (key, value) in &self.model {
            if !OF_MODEL.contains(&key.as_str()) {
                let known = OF_MODEL.join("`, `");
                return Err(Refusal::unfit(format!("`model.{key}` cannot be asked for\nhint: what can is `{known}`")));
            }
            set(format!("model.{key}"), value)?;
        }
        for (key, value) in &self.limits {
            if key.contains('.') {
                return Err(Refusal::unfit(format!("`limits.{key}` is no setting")));
            }
            set(format!("limits.{key}"), value)?;
        }
        Ok(sets)
    }

    /// Returns what tells its settings from others.
    pub(super) fn key(&self) -> String {
        serde_json::json!([self.agent, self.model, self.limits]).to_string()
    }

    /// Returns the same with what a row of another program says of the model.
    pub(super) fn with_model(mut self, key: &str, value: Option<&Value>) -> Self {
        if let Some(value) = value.filter(|value| !value.is_null() && !self.model.contains_key(key)) {
            self.model.insert(key.to_owned(), value.clone());
        }
        self
    }
}
