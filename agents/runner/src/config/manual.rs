//! The documentation of each configuration key, from the docs of the fields.

use schemars::schema_for;
use serde_json::{Map, Value};

use super::{DEFAULT, Resolved, RunConfig};
use crate::plugs::AgentPlug;

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its path, such as `limits.steps`.
    pub key: String,
    /// Its documentation, in one line.
    pub doc: String,
    /// Its default, as YAML on one line.
    pub default: String,
    /// Its value, as YAML on one line.
    pub value: String,
    /// Where the value comes from.
    pub origin: String,
}

/// Returns every key that an agent's configuration has, with its docs and its default, in the order of the fields.
///
/// # Errors
/// When the defaults cannot be written.
pub fn manual(agent: &AgentPlug) -> anyhow::Result<Vec<Setting>> {
    let mut found = Vec::new();
    let defaults = serde_json::to_value(RunConfig::default())?;
    walk("", &Value::from(schema_for!(RunConfig)), &defaults, &mut found);
    let defaults = serde_json::to_value((agent.settings)()?)?;
    walk(agent.name, &Value::from((agent.schema)()), &defaults, &mut found);
    Ok(found)
}

impl Resolved {
    /// Returns every key with its value and where that comes from.
    ///
    /// # Errors
    /// As [`manual`].
    pub fn explained(&self) -> anyhow::Result<Vec<Setting>> {
        let all = serde_json::to_value(&self.all)?;
        let mut settings = manual(&self.plug)?;
        for setting in &mut settings {
            let value = setting.key.split('.').try_fold(&all, |value, key| value.get(key));
            setting.value = value.map_or_else(|| setting.default.clone(), shown);
            // A value may be set as a whole, or key by key below it.
            let below = format!("{}.", setting.key);
            let origin = self.origins.iter().find(|(key, _)| **key == setting.key || key.starts_with(&below));
            setting.origin = origin.map_or_else(|| DEFAULT.to_owned(), |(_, origin)| origin.clone());
        }
        Ok(settings)
    }
}

/// Adds the keys below a path, those of nested blocks in place of the block.
fn walk(path: &str, schema: &Value, defaults: &Value, found: &mut Vec<Setting>) {
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    fields(path, schema, &definitions, defaults, found);
}

fn fields(path: &str, schema: &Value, definitions: &Map<String, Value>, defaults: &Value, found: &mut Vec<Setting>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, field) in properties {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let target = field["$ref"].as_str().and_then(|to| definitions.get(to.rsplit('/').next()?));
        let default = &defaults[name];
        if let Some(block) = target.filter(|target| target["properties"].is_object() && default.is_object()) {
            fields(&key, block, definitions, default, found);
            continue;
        }
        let doc = field["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        let default = shown(default);
        found.push(Setting { key, doc, value: default.clone(), default, origin: DEFAULT.to_owned() });
    }
}

/// Returns a value as YAML on one line, which JSON is.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(is_plain) => text.clone(),
        value => value.to_string(),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.')
}
