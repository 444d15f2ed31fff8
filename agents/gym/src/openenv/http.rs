//! What the protocol has beside its web socket.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shell::nonce;

use super::mcp;
use super::observation::{act, first, state as state_of};
use crate::gym::{Gym, Wanted};
use crate::refusal::{Refusal, read};

#[derive(Debug, Deserialize)]
pub(super) struct OfSession {
    session_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Step {
    action: Value,
    session_id: Option<String>,
}

pub(super) async fn mcp(State(gym): State<Arc<Gym>>, body: Result<Bytes, BytesRejection>) -> Result<Response, Refusal> {
    let body = body.map_err(|err| Refusal::new(err.status(), err.to_string()))?;
    let answer = match serde_json::from_slice::<Value>(&body) {
        // What is only told has no answer.
        Ok(told) if told.get("id").is_none() && is_notification(&told) => {
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Ok(request) => mcp::answer(&gym, None, &request).await,
        Err(err) => mcp::refusal(mcp::NO_JSON, &format!("the request is no JSON: {err}"), &Value::Null),
    };
    Ok(Json(answer).into_response())
}

fn is_notification(request: &Value) -> bool {
    let method = request.get("method").and_then(Value::as_str);
    method.is_some_and(|method| method.starts_with("notifications/"))
}

pub(super) async fn metadata(State(gym): State<Arc<Gym>>) -> Json<Value> {
    let count = gym.tasks.places().len();
    Json(json!({
        "name": gym.name,
        "description": format!("{count} instances: a repository and an issue each, with tools and the verdict on the patch"),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

pub(super) async fn schema(State(gym): State<Arc<Gym>>) -> Json<Value> {
    let names: Vec<&str> = gym.tools.names().collect();
    let call = json!({
        "type": "object",
        "properties": {
            "type": { "const": "call_tool" },
            "tool_name": { "type": "string", "enum": names },
            "arguments": { "type": "object" },
            "metadata": { "type": "object" },
        },
        "required": ["type", "tool_name"],
        "additionalProperties": false,
    });
    let list = json!({
        "type": "object",
        "properties": { "type": { "const": "list_tools" }, "metadata": { "type": "object" } },
        "required": ["type"],
        "additionalProperties": false,
    });
    let text = json!({ "type": "string" });
    let observation = json!({
        "type": "object",
        "properties": { "tool_name": text, "result": text, "error": { "type": ["object", "null"] } },
    });
    let first = json!({
        "type": "object",
        "properties": {
            "instance_id": text, "prompt": text,
            "messages": { "type": "array" }, "tools": { "type": "array" },
        },
    });
    let state = json!({
        "type": "object",
        "properties": {
            "episode_id": { "type": ["string", "null"] }, "step_count": { "type": "integer" },
            "instance_id": text, "status": text, "reward": { "type": ["number", "null"] },
        },
    });
    Json(json!({
        "action": { "oneOf": [call, list] }, "observation": observation, "reset_observation": first, "state": state,
    }))
}

/// Shows how a session begins and ends it at once: one that goes on takes a web socket.
pub(super) async fn reset(
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let wanted: Wanted = read(body)?;
    let id = nonce();
    let session = gym.begin(&id, gym.wanted(&wanted)?)?;
    let observation = first(&gym, &session).await;
    gym.close(&id);
    observation.map(Json).map_err(|failure| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, failure.message))
}

pub(super) async fn step(
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let Step { action, session_id } = read(body)?;
    let why = "a step over HTTP names its `session_id`\nhint: a session over the web socket `/ws` need not";
    let session = gym.find(&session_id.ok_or_else(|| Refusal::unfit(why))?)?;
    act(&gym, &session, action).await.map(Json).map_err(|failure| Refusal::unfit(failure.message))
}

pub(super) async fn state(
    State(gym): State<Arc<Gym>>,
    Query(OfSession { session_id }): Query<OfSession>,
) -> Result<Json<Value>, Refusal> {
    let session = session_id.map(|id| gym.find(&id)).transpose()?;
    Ok(Json(state_of(session.as_deref())))
}
