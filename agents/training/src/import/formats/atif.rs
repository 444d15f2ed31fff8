//! Harbor's trajectories: ATIF 1.4 to 1.8.

use agent_core::{Role, Served, Spending, Usage};
use serde_json::{Map, Value, json};

use crate::import::conversation::{Answer, Conversation, tools};
use crate::import::foreign::{Foreign, take_object, take_objects, take_text};
use crate::import::named_instance::named_instance;

/// Reads a file.
pub(crate) fn read(mut record: Map<String, Value>, path: &str) -> Result<Foreign, String> {
    let version = record.get("schema_version").and_then(Value::as_str).unwrap_or_default();
    let minor = version.strip_prefix("ATIF-v1.").and_then(|minor| minor.parse::<u32>().ok());
    if !minor.is_some_and(|minor| (4..=8).contains(&minor)) {
        return Err(format!("is of version `{version}`\nhint: ATIF-v1.4 to ATIF-v1.8 are read"));
    }
    let mut agent = take_object(&mut record, "agent")?;
    let scaffold = take_text(&mut agent, "name")?.unwrap_or_default();
    let model = take_text(&mut agent, "model_name")?.unwrap_or_default();
    let listed = match agent.shift_remove("tool_definitions") {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let extra = |key: &str| record.get("extra").and_then(|extra| extra.get(key)).cloned();
    let named = extra("instance_id").and_then(|id| id.as_str().map(str::to_owned));
    let (patch, resolved) = (extra("patch"), extra("resolved").and_then(|resolved| resolved.as_bool()));
    let mut conversation = Conversation::default();
    for (index, step) in take_objects(&mut record, "steps")?.into_iter().enumerate() {
        say(&mut conversation, step).map_err(|err| format!("`steps[{index}]`: {err}"))?;
    }
    let spending = record.get("final_metrics").map(|metrics| {
        let count = |key: &str| metrics.get(key).and_then(Value::as_u64).unwrap_or_default();
        Spending {
            usage: Usage {
                prompt_tokens: count("total_prompt_tokens"),
                completion_tokens: count("total_completion_tokens"),
                cached_tokens: count("total_cached_tokens"),
            },
            cost: metrics.get("total_cost_usd").and_then(Value::as_f64).unwrap_or_default(),
            ..Spending::default()
        }
    });
    record.insert("agent".to_owned(), Value::Object(agent));
    Ok(Foreign {
        format: "ATIF",
        instance_id: named.map_or_else(|| named_instance(path), Ok)?,
        scaffold,
        model,
        records: conversation.into_records(),
        tools: tools(&listed)?,
        patch: patch.and_then(|patch| patch.as_str().map(str::to_owned)),
        resolved,
        spending,
        rest: record,
        ..Foreign::default()
    })
}

fn say(conversation: &mut Conversation, mut step: Map<String, Value>) -> Result<(), String> {
    let source = take_text(&mut step, "source")?.ok_or("has no `source`")?;
    let is_copied = step.get("is_copied_context").and_then(Value::as_bool).unwrap_or_default();
    let mut observation = take_object(&mut step, "observation")?;
    let mut message = Map::new();
    message.insert("content".to_owned(), step.shift_remove("message").unwrap_or_default());
    if step.get("tool_calls").is_some_and(Value::is_array) {
        let calls = take_objects(&mut step, "tool_calls")?.into_iter().map(call);
        message.insert("tool_calls".to_owned(), calls.collect::<Result<Vec<Value>, String>>()?.into());
    }
    message.extend(step.shift_remove("reasoning_content").map(|text| ("reasoning_content".to_owned(), text)));
    let role = match source.as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "agent" => Role::Assistant,
        other => return Err(format!("`source` is `{other}`, none of system, user and agent")),
    };
    if role == Role::Assistant && !is_copied {
        let answer = answer(step)?;
        conversation.answer(message, answer)?;
    } else {
        message.extend(step);
        conversation.tell(role, message)?;
    }
    if !observation.contains_key("results") {
        return Ok(());
    }
    for (index, mut result) in take_objects(&mut observation, "results")?.into_iter().enumerate() {
        let id = take_text(&mut result, "source_call_id")?;
        result.extend(id.map(|id| ("tool_call_id".to_owned(), id.into())));
        conversation.observe(result, 0.0).map_err(|err| format!("`observation.results[{index}]`: {err}"))?;
    }
    Ok(())
}

/// Returns a call as the chat completions interface has it.
fn call(mut call: Map<String, Value>) -> Result<Value, String> {
    let id = take_text(&mut call, "tool_call_id")?;
    let name = take_text(&mut call, "function_name")?.ok_or("a call has no `function_name`")?;
    let arguments = call.shift_remove("arguments");
    call.insert("id".to_owned(), id.into());
    call.insert("function".to_owned(), json!({ "name": name, "arguments": arguments }));
    Ok(Value::Object(call))
}

/// Returns what a step says of its answer; what is not known here stays with it.
fn answer(mut step: Map<String, Value>) -> Result<Answer, String> {
    let mut metrics = take_object(&mut step, "metrics")?;
    metrics.retain(|_, value| !value.is_null());
    let mut count = |key: &str| metrics.shift_remove(key).and_then(|count| count.as_u64()).unwrap_or_default();
    let usage = Usage {
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
        cached_tokens: count("cached_tokens"),
    };
    let cost = metrics.shift_remove("cost_usd").and_then(|cost| cost.as_f64());
    let mut ids = |key: &str| metrics.shift_remove(key).and_then(|ids| serde_json::from_value::<Vec<u64>>(ids).ok());
    let (prompt_token_ids, completion_token_ids) = (ids("prompt_token_ids"), ids("completion_token_ids"));
    let logprobs = metrics.shift_remove("logprobs");
    let model = take_text(&mut step, "model_name")?;
    if !metrics.is_empty() {
        step.insert("metrics".to_owned(), Value::Object(metrics));
    }
    let served = Served { prompt_token_ids, completion_token_ids, logprobs, model, body: step, ..Served::default() };
    Ok(Answer { usage, cost, served: Some(served), ..Answer::default() })
}
