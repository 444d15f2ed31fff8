//! The whole of a trajectory.

use serde_json::{Map, Value};

use super::super::source::Source;
use super::steps::Steps;
use crate::beside;
use crate::counts::Counts;
use crate::tokens::function;

/// The version that is written.
const VERSION: &str = "ATIF-v1.8";

/// Returns the trajectory of an episode; `None` where it holds no step, which the format asks for.
pub(in crate::export) fn trajectory(source: &Source<'_>, losses: &mut Counts) -> Option<Map<String, Value>> {
    // What a file of this format said before goes in again.
    let before = source.imported("ATIF");
    let mut steps = Steps::new(source, before.is_some());
    source.trajectory.records.iter().for_each(|record| steps.take(record, losses));
    let steps = steps.finish(losses);
    if steps.is_empty() {
        return None;
    }
    let mut root = before.cloned().unwrap_or_default();
    root.insert("schema_version".to_owned(), VERSION.into());
    let agent = root.shift_remove("agent");
    root.insert("agent".to_owned(), Value::Object(agent_of(source, agent)));
    let count = steps.len();
    root.insert("steps".to_owned(), steps.into());
    if before.is_none() {
        root.insert("session_id".to_owned(), source.name().into());
        root.insert("trajectory_id".to_owned(), source.name().into());
        root.insert("final_metrics".to_owned(), final_metrics(source, count));
        if source.trajectory.segments().len() > 1 {
            root.insert("notes".to_owned(), NOTES.into());
        }
    }
    let extra = root.shift_remove("extra");
    root.insert("extra".to_owned(), Value::Object(extra_of(source, extra)));
    Some(root)
}

/// What a reader of a trajectory has to know in which a request did not hold all that came before.
const NOTES: &str = "All steps are in the order in which they came. Some answers were given to less than all that stands \
                     before them: `extra.spotter.conversations` of a step names conversations that begin anew there, and \
                     `extra.spotter.view` says what of the conversation the request left out.";

fn agent_of(source: &Source<'_>, before: Option<Value>) -> Map<String, Value> {
    let mut agent = match before {
        Some(Value::Object(agent)) => agent,
        _ => Map::new(),
    };
    agent.insert("name".to_owned(), source.agent().into());
    if !agent.contains_key("version") {
        let version =
            source.header().map(|header| header.origin.spotter.as_str()).filter(|version| !version.is_empty());
        // The version of another program's agent is not known.
        let version = version.filter(|_| source.imported_format().is_none()).unwrap_or("unknown");
        agent.insert("version".to_owned(), version.into());
    }
    if !source.model().is_empty() {
        agent.insert("model_name".to_owned(), source.model().into());
    }
    let tools = source.header().map(|header| header.tools.as_slice()).unwrap_or_default();
    if !agent.contains_key("tool_definitions") && !tools.is_empty() {
        agent.insert("tool_definitions".to_owned(), tools.iter().map(function).collect());
    }
    agent
}

fn final_metrics(source: &Source<'_>, steps: usize) -> Value {
    let spending = source.spending();
    let mut metrics = Map::new();
    if spending.usage.total() > 0 {
        metrics.insert("total_prompt_tokens".to_owned(), spending.usage.prompt_tokens.into());
        metrics.insert("total_completion_tokens".to_owned(), spending.usage.completion_tokens.into());
        metrics.insert("total_cached_tokens".to_owned(), spending.usage.cached_tokens.into());
    }
    if source.is_priced() {
        metrics.insert("total_cost_usd".to_owned(), spending.cost.into());
    }
    metrics.insert("total_steps".to_owned(), steps.into());
    Value::Object(metrics)
}

fn extra_of(source: &Source<'_>, before: Option<Value>) -> Map<String, Value> {
    let (mut extra, is_new) = match before {
        Some(Value::Object(extra)) => (extra, false),
        _ => (Map::new(), source.imported("ATIF").is_none()),
    };
    extra.insert("instance_id".to_owned(), source.episode.instance_id.clone().into());
    if let Some(patch) = source.patch() {
        extra.insert("patch".to_owned(), patch.into());
    }
    if let Some(resolved) = source.resolved() {
        extra.insert("resolved".to_owned(), resolved.into());
    }
    if is_new {
        extra.insert("exit_status".to_owned(), source.exit_status().into());
        extra.extend(beside::written(&source.whole()).unwrap_or_default());
    }
    extra
}
