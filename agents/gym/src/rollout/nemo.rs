//! Rows of NeMo Gym: a rollout is asked for by a row of a data set, and answered by the row with a response in the form of
//! OpenAI's responses, whose items carry their tokens.

use std::sync::Arc;

use agent_core::{Completion, Record, Trajectory};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde_json::{Map, Value, json};

use super::calls::{Call, calls};
use super::request::Asked;
use super::rolled::trajectory;
use super::run::roll;
use crate::gym::Gym;
use crate::refusal::{Refusal, read};

pub(super) async fn run(
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let mut row: Map<String, Value> = read(body)?;
    let asked = asked(&row)?;
    let (id, rolled) = roll(&gym, &asked).await?;
    let record = trajectory(&rolled).map_err(|err| Refusal::broken(&err))?;
    let params = row.entry("responses_create_params").or_insert_with(|| json!({ "input": [] })).clone();
    row.insert("response".to_owned(), response(&id, record.as_ref(), &params));
    // A row has a number in any case; the mask says that it is none.
    row.insert("reward".to_owned(), json!(rolled.reward.reward.unwrap_or_default()));
    row.insert("mask_sample".to_owned(), json!(rolled.reward.mask_sample));
    let components = rolled.reward.reward_components.as_ref();
    let numbers = components.map(|one| {
        json!({ "value": one.value, "limit_penalty": one.limit_penalty, "resolved": f64::from(u8::from(one.resolved)) })
    });
    row.insert("reward_components".to_owned(), numbers.unwrap_or_else(|| json!({})));
    row.insert("infrastructure".to_owned(), json!(rolled.reward.infrastructure));
    row.insert("rollout_id".to_owned(), json!(id));
    Ok(Json(Value::Object(row)))
}

/// Returns what a row asks for: what stands in its field `spotter`, the instance by its column, and the model as its
/// parameters name it.
fn asked(row: &Map<String, Value>) -> Result<Asked, Refusal> {
    let own = row.get("spotter").cloned().unwrap_or_else(|| json!({}));
    let mut own = match own {
        Value::Object(own) => own,
        _ => return Err(Refusal::unfit("`spotter` is an object")),
    };
    let params = row.get("responses_create_params").cloned().unwrap_or_default();
    let of_metadata = |name: &str| params.get("metadata").and_then(|metadata| metadata.get(name)).cloned();
    if !own.contains_key("instance_id")
        && !own.contains_key("index")
        && let Some(id) = row.get("instance_id").cloned().or_else(|| of_metadata("instance_id"))
    {
        own.insert("instance_id".to_owned(), id);
    }
    let asked: Asked = serde_json::from_value(Value::Object(own))
        .map_err(|err| Refusal::unfit(format!("the row's `spotter` does not fit: {err}")))?;
    Ok(asked
        .with_model("name", params.get("model"))
        .with_model("temperature", params.get("temperature"))
        .with_model("top_p", params.get("top_p"))
        .with_model("max_output_tokens", params.get("max_output_tokens")))
}

/// Returns an episode as one response: all that the model said and was shown after the first messages.
fn response(id: &str, trajectory: Option<&Trajectory>, params: &Value) -> Value {
    let calls = trajectory.map(|trajectory| calls(id, trajectory)).unwrap_or_default();
    let (mut output, mut next) = (Vec::new(), calls.iter());
    for record in trajectory.iter().flat_map(|trajectory| &trajectory.records) {
        match record {
            Record::Completion { completion, .. } => output.extend(said(completion, next.next())),
            Record::Observation { call, observation, shown, .. } => {
                let text = shown.as_ref().unwrap_or(&observation.text);
                output.push(json!({ "type": "function_call_output", "call_id": call.id, "output": text }));
            }
            Record::Message { step, message, .. } if *step > 0 => {
                output.push(json!({ "type": "message", "role": message.role, "content": message.content }));
            }
            _ => {}
        }
    }
    let header = trajectory.and_then(Trajectory::header);
    let tools = header.map(|header| header.tools.as_slice()).unwrap_or_default().iter().map(|tool| {
        json!({
            "type": "function", "name": tool.name, "description": tool.description,
            "parameters": tool.parameters, "strict": false,
        })
    });
    json!({
        "id": format!("resp_{id}"),
        "object": "response",
        "created_at": header.map_or(0.0, |header| header.origin.started),
        "model": header.map_or("", |header| header.model.as_str()),
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": tools.collect::<Vec<_>>(),
        "metadata": params.get("metadata").cloned(),
    })
}

/// Returns the items of an answer. Its tokens stand once, at its last item, as all of it was sampled by then.
fn said(completion: &Completion, call: Option<&Call>) -> Vec<Value> {
    let message = &completion.message;
    let mut items = Vec::new();
    if !message.content.is_empty() || message.tool_calls.is_empty() {
        items.push(json!({
            "id": format!("msg_{}", call.map_or("", |call| call.call_id.as_str())),
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "output_text", "text": message.content, "annotations": [] }],
        }));
    }
    items.extend(message.tool_calls.iter().map(|call| {
        json!({
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        })
    }));
    if let (Some(tokens), Some(Value::Object(item))) = (call.and_then(tokens), items.last_mut()) {
        item.extend(tokens);
    }
    items
}

/// Returns the tokens of a call in the program's own words; none where one of the three is lacking.
fn tokens(call: &Call) -> Option<Map<String, Value>> {
    let fields = json!({
        "prompt_token_ids": call.prompt_token_ids.as_ref()?,
        "generation_token_ids": call.completion_token_ids.as_ref()?,
        "generation_log_probs": call.logprobs.as_ref()?,
    });
    fields.as_object().cloned()
}
