//! The steps of an episode as a person reads them while it runs.

use agent_core::Record;
use runner::shown::short;
use serde_json::Value;

/// What has to be remembered of an episode to show its steps.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    cost: f64,
    /// The repository's place, which is cut from what is shown.
    root: String,
}

impl Steps {
    /// Takes a record in; returns a line if it is worth showing.
    pub(crate) fn line(&mut self, record: &Record) -> Option<String> {
        match record {
            Record::Header(header) => self.root = format!("{}/", header.root),
            Record::Completion { completion, .. } => self.cost += completion.cost.unwrap_or_default(),
            Record::Observation { step, call, observation, seconds, .. } => {
                let ended = match (observation.is_error, observation.exit_code) {
                    (true, _) => "refused".to_owned(),
                    (false, Some(code)) => format!("exit {code}"),
                    (false, None) => "ok".to_owned(),
                };
                let what = gist(&call.arguments, &self.root);
                let cost = if self.cost > 0.0 { format!("  ${:.3}", self.cost) } else { String::new() };
                return Some(format!("{step:>4}  {:<18} {what:<60} {ended:<8} {seconds:>6.1}s{cost}", call.name));
            }
            Record::Conversation { step, name, .. } => return Some(format!("{step:>4}  {name}")),
            Record::Message { .. } | Record::TooLong { .. } | Record::RecordCut { .. } | Record::Outcome(_) => {}
        }
        None
    }
}

/// Returns the most telling of a call's arguments, on one short line.
fn gist(arguments: &str, root: &str) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str(arguments) else { return short(arguments) };
    let texts: Vec<&str> =
        ["command", "path", "thought", "query"].iter().filter_map(|key| map.get(*key)?.as_str()).collect();
    short(&texts.join(" ").replace(root, ""))
}
