//! Harbor's trajectories: ATIF 1.4 to 1.8.

use agent_core::{Role, Served, Spending, Usage};
use serde_json::{Map, Value, json};

use crate::beside::{self, OfCall, OfResult, OfStep, Whole};
use crate::import::conversation::{Answer, Conversation, tools};
use crate::import::foreign::{Foreign, take_object, take_objects, take_text};
use crate::import::named_instance::named_instance;

/// The field of an observation's record that says that its result had no content.
pub(crate) const NO_CONTENT: &str = "no_content";

/// How many refusals are believed of one request, whatever a damaged file says.
const MOST_REFUSALS: u64 = 1000;

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
    // They stay in the record as they stand, as there may be more to them.
    let listed = match agent.get("tool_definitions") {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    let of_record = record.get("extra").cloned().unwrap_or_default();
    let extra = |key: &str| of_record.get(key).cloned();
    let beside: Whole = beside::read(&record);
    let exit_status = extra("exit_status").and_then(|word| word.as_str().map(str::to_owned));
    let named = extra("instance_id").and_then(|id| id.as_str().map(str::to_owned));
    let named = named.or(take_text(&mut record, "instance_id")?);
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
        exit_status,
        ended: beside.exit_status,
        spending,
        rest: record,
    })
}

fn say(conversation: &mut Conversation, mut step: Map<String, Value>) -> Result<(), String> {
    let source = take_text(&mut step, "source")?.ok_or("has no `source`")?;
    let is_copied = step.get("is_copied_context").and_then(Value::as_bool).unwrap_or_default();
    let mut observation = take_object(&mut step, "observation")?;
    let beside: OfStep = beside::read(&step);
    for name in beside.conversations {
        conversation.begin(name);
    }
    for _ in 0..beside.too_long.min(MOST_REFUSALS) {
        conversation.refuse();
    }
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
        let (seconds, finish_reason) = (beside.seconds.unwrap_or_default(), beside.finish_reason);
        let OfStep { view, malformed, .. } = beside;
        conversation.answer(message, Answer { seconds, finish_reason, view, malformed, ..answer(step)? })?;
    } else {
        message.extend(step);
        conversation.tell(role, message)?;
    }
    if !observation.contains_key("results") {
        return Ok(());
    }
    for (index, mut result) in take_objects(&mut observation, "results")?.into_iter().enumerate() {
        let beside: OfResult = beside::read(&result);
        let id = take_text(&mut result, "source_call_id")?.or(beside.tool_call_id);
        result.extend(id.map(|id| ("tool_call_id".to_owned(), id.into())));
        result.extend(beside.name.map(|name| ("name".to_owned(), name.into())));
        if result.get("content").is_none_or(Value::is_null) {
            result.insert(NO_CONTENT.to_owned(), true.into());
        }
        conversation
            .observe_as(result, beside.seconds.unwrap_or_default(), beside.exit_code)
            .map_err(|err| format!("`observation.results[{index}]`: {err}"))?;
    }
    Ok(())
}

/// Returns a call as the chat completions interface has it.
fn call(mut call: Map<String, Value>) -> Result<Value, String> {
    let id = take_text(&mut call, "tool_call_id")?;
    let name = take_text(&mut call, "function_name")?.ok_or("a call has no `function_name`")?;
    let beside: OfCall = beside::read(&call);
    let arguments = beside.arguments.map(Value::String).or(call.shift_remove("arguments"));
    call.shift_remove("arguments");
    call.insert("id".to_owned(), id.into());
    call.insert("function".to_owned(), json!({ "name": name, "arguments": arguments }));
    Ok(Value::Object(call))
}

/// Returns what a step says of its answer; what is not known here stays with it, and its counts as they stand as well.
fn answer(mut step: Map<String, Value>) -> Result<Answer, String> {
    let mut metrics = take_object(&mut step, "metrics")?;
    let count = |key: &str| metrics.get(key).and_then(Value::as_u64).unwrap_or_default();
    let usage = Usage {
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
        cached_tokens: count("cached_tokens"),
    };
    let cost = metrics.get("cost_usd").and_then(Value::as_f64);
    let (prompt_token_ids, completion_token_ids) =
        (ids(&mut metrics, "prompt_token_ids"), ids(&mut metrics, "completion_token_ids"));
    let logprobs = metrics.shift_remove("logprobs").filter(|logprobs| !logprobs.is_null());
    let model = take_text(&mut step, "model_name")?;
    if !metrics.is_empty() {
        step.insert("metrics".to_owned(), Value::Object(metrics));
    }
    let served = Served { prompt_token_ids, completion_token_ids, logprobs, model, body: step, ..Served::default() };
    Ok(Answer { usage, cost, served: Some(served), ..Answer::default() })
}

/// Takes tokens out of metrics; what is no list of them stays there.
fn ids(metrics: &mut Map<String, Value>, key: &str) -> Option<Vec<u64>> {
    let ids = metrics.get(key)?.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()?;
    metrics.shift_remove(key);
    Some(ids)
}
