//! Sessions: their beginning, what they are told, and their end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agent_core::{Message, Role};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use shell::nonce;
use tokio::time::timeout;

use super::request::{OfEnvironment, OfSession, SessionId};
use crate::gym::Gym;
use crate::refusal::{Refusal, read};
use crate::sessions::{Session, State as Progress};

/// How long a request waits for a sandbox before its client is told to ask again.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a session is begun with. What other servers take beside, such as a toolset, is refused where it would change what
/// the tools are.
#[derive(Debug, Deserialize)]
pub(super) struct Create {
    env_name: Option<String>,
    task_spec: Option<Value>,
    split: Option<String>,
    index: Option<i64>,
    toolset_name: Option<String>,
}

pub(super) async fn create_session() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = [Event::default().event("task_id").data(nonce()), Event::default().event("end").data("")];
    Sse::new(stream::iter(events.map(Ok)))
}

pub(super) async fn create(
    SessionId(id): SessionId,
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let create: Create = read(body)?;
    let place = place(&gym, &create)?;
    gym.begin(&id, place)?;
    Ok(Json(json!({ "sid": id })))
}

/// Returns the place of the instance that a session is to be on.
fn place(gym: &Gym, create: &Create) -> Result<usize, Refusal> {
    if let Some(name) = &create.env_name
        && !name.eq_ignore_ascii_case(&gym.name)
    {
        let why = format!("there is no environment `{name}`\nhint: the environment is `{}`", gym.name);
        return Err(Refusal::new(StatusCode::NOT_FOUND, why));
    }
    if let Some(toolset) = &create.toolset_name {
        let why = format!("there is no toolset `{toolset}`\nhint: the server's `--agent` says which tools there are");
        return Err(Refusal::bad(why));
    }
    match (&create.task_spec, &create.split, create.index) {
        (Some(spec), None, None) => {
            let id = spec.get("instance_id").and_then(Value::as_str);
            let id = id.ok_or_else(|| Refusal::unfit("the task names no `instance_id`"))?;
            gym.tasks.find(gym.environment.as_ref(), id)
        }
        (None, Some(split), Some(index)) => {
            gym.tasks.check(split)?;
            gym.tasks.place(index)
        }
        _ => Err(Refusal::unfit("a session is on a `task_spec`, or on a `split` and an `index`")),
    }
}

/// Waits until a session takes calls, and returns what it is told at the start.
pub(super) async fn begun(session: &Session) -> Result<Arc<Vec<Message>>, Refusal> {
    let began = timeout(PATIENCE, session.begun()).await;
    match began {
        Ok(Progress::Ready(messages)) => Ok(messages),
        Ok(Progress::Ended(ended)) if !ended.messages.is_empty() => Ok(ended.messages.clone()),
        Ok(Progress::Ended(ended)) => {
            let why = ended.reward.infrastructure.clone().unwrap_or_else(|| "the session has ended".to_owned());
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why))
        }
        Ok(Progress::Starting) | Err(_) => Err(Refusal::for_now("the sandbox is still starting")),
    }
}

pub(super) async fn prompt(_: OfEnvironment, OfSession(session): OfSession) -> Result<Json<Value>, Refusal> {
    let messages = begun(&session).await?;
    let blocks = messages.iter().filter(|message| !message.content.is_empty()).map(block);
    Ok(Json(Value::Array(blocks.collect())))
}

pub(super) async fn messages(_: OfEnvironment, OfSession(session): OfSession) -> Result<Json<Value>, Refusal> {
    let messages = begun(&session).await?;
    let messages = messages.iter().map(|message| {
        let role = match message.role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        json!({ "role": role, "blocks": [block(message)] })
    });
    Ok(Json(Value::Array(messages.collect())))
}

fn block(message: &Message) -> Value {
    json!({ "type": "text", "text": message.content })
}

pub(super) async fn task_tools(_: OfEnvironment, OfSession(_): OfSession, State(gym): State<Arc<Gym>>) -> Json<Value> {
    Json(json!({ "tools": gym.tools.listed("input_schema") }))
}

pub(super) async fn ping(SessionId(id): SessionId, State(gym): State<Arc<Gym>>) -> Result<Json<Value>, Refusal> {
    // A client takes this status alone for a session that is dead.
    gym.find(&id).map_err(|refusal| Refusal { status: StatusCode::NOT_FOUND, ..refusal })?;
    Ok(Json(json!({ "status": "ok" })))
}

pub(super) async fn delete(SessionId(id): SessionId, State(gym): State<Arc<Gym>>) -> Json<Value> {
    gym.close(&id);
    Json(json!({ "sid": id }))
}

pub(super) async fn delete_session(SessionId(id): SessionId) -> Json<Value> {
    Json(json!({ "sid": id }))
}
