//! The chat completions interface, below the id of a session.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream;
use llm::read_answer;
use serde_json::{Value, json};

use super::record::asked_for_tokens;
use super::stream::pieces;
use crate::gym::{Gym, check_id};
use crate::refusal::{Refusal, read};
use crate::rollout::{details, training_trace};
use crate::sessions::{Session, State as Progress};

pub(super) async fn complete(
    State(gym): State<Arc<Gym>>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    check_id(&id)?;
    let Some(forward) = &gym.forward else {
        let why = "no model is configured to hand calls on to\nhint: `--model NAME -c model.base_url=…`";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let mut request: Value = read(body)?;
    if !request.get("messages").is_some_and(Value::is_array) {
        return Err(Refusal::unfit("a chat completion has `messages`"));
    }
    if let Some(name) = &gym.cell.resolved.config.model.name {
        request["model"] = json!(name);
    }
    let session = gym.table.find(&id).ok();
    if session.is_none() {
        gym.check_drain("hands on no more calls")?;
    }
    // The session is in use, where it is one of this server, and the server does not end before the answer.
    let _busy = session.as_deref().map(Session::busy);
    let _under_way = gym.forwarding.take();
    let begun = Instant::now();
    let forwarded = forward.send(&asked_for_tokens(&request)).await;
    gym.metrics.handed_on();
    let forwarded = forwarded.map_err(|why| Refusal::new(StatusCode::BAD_GATEWAY, why))?;
    let answer = serde_json::from_str::<Value>(&forwarded.body);
    let is_answer =
        (200..300).contains(&forwarded.status) && answer.as_ref().is_ok_and(|answer| read_answer(answer).is_ok());
    match answer {
        Ok(answer) if is_answer => {
            let kept = gym.records.add(&id, &request, &answer, begun.elapsed());
            kept.map_err(|err| Refusal::broken(&err))?;
            if request.get("stream") == Some(&Value::Bool(true)) {
                let events = pieces(&answer).into_iter().map(|piece| Ok::<_, Infallible>(Event::default().data(piece)));
                return Ok(Sse::new(stream::iter(events)).into_response());
            }
            Ok(Json(answer).into_response())
        }
        // What went wrong is the client's to see to, as if it had asked the server itself.
        _ => {
            let status = StatusCode::from_u16(forwarded.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let status = if status.is_success() { StatusCode::BAD_GATEWAY } else { status };
            Ok((status, [(header::CONTENT_TYPE, "application/json")], forwarded.body).into_response())
        }
    }
}

pub(super) async fn models(State(gym): State<Arc<Gym>>, Path(_): Path<String>) -> Json<Value> {
    let name = gym.cell.resolved.config.model.name.as_deref().unwrap_or("model");
    Json(json!({ "object": "list", "data": [{ "id": name, "object": "model", "created": 0, "owned_by": "spotter" }] }))
}

pub(super) async fn calls(State(gym): State<Arc<Gym>>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    check_id(&id)?;
    if !gym.records.has(&id) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("no call of `{id}` was handed on")));
    }
    let calls = gym.records.calls(&id);
    let calls = calls.map_err(|err| Refusal::broken(&err))?;
    let reward = gym.table.find(&id).ok().and_then(|session| match session.state() {
        Progress::Ended(ended) => serde_json::to_value(&ended.reward).ok(),
        _ => None,
    });
    Ok(Json(json!({
        "session_id": id,
        "segments": calls.iter().map(|call| call.segment + 1).max().unwrap_or_default(),
        "rollout_details": details(&calls),
        "training_trace": training_trace(&calls),
        "calls": calls,
        "reward": reward,
    })))
}
