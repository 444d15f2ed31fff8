//! The Open Reward Standard: HTTP, with server sent events for what takes long.
//!
//! Every path is served as it is and below the name of the environment, as its client asks for both.

mod calls;
mod session;
mod tasks;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{MethodRouter, get, post};

use crate::gym::Gym;
use crate::refusal::Refusal;
use crate::sessions::Session;

/// Returns the routes.
pub(crate) fn routes() -> Router<Arc<Gym>> {
    let routes = Router::new()
        .route("/list_environments", get(tasks::environments))
        .route("/create_session", post(session::create_session))
        .route("/create", post(session::create))
        .route("/ping", post(session::ping))
        .route("/delete", post(session::delete))
        .route("/delete_session", post(session::delete_session));
    let both: [(&str, MethodRouter<Arc<Gym>>); 10] = [
        ("tools", get(tasks::tools)),
        ("splits", get(tasks::splits)),
        ("tasks", post(tasks::tasks)),
        ("num_tasks", post(tasks::num_tasks)),
        ("task", post(tasks::task)),
        ("task_range", post(tasks::task_range)),
        ("task_tools", get(session::task_tools)),
        ("prompt", get(session::prompt)),
        ("messages", get(session::messages)),
        ("call", post(calls::call)),
    ];
    both.into_iter().fold(routes, |routes, (name, method)| {
        routes.route(&format!("/{name}"), method.clone()).route(&format!("/{{env}}/{name}"), method)
    })
}

/// Is there where an address names the environment of the server, or none.
pub(crate) struct OfEnvironment;

impl FromRequestParts<Arc<Gym>> for OfEnvironment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gym: &Arc<Gym>) -> Result<Self, Refusal> {
        let named = Option::<Path<HashMap<String, String>>>::from_request_parts(parts, gym).await;
        let Ok(Some(Path(named))) = named else { return Ok(Self) };
        match named.get("env") {
            Some(name) if !name.eq_ignore_ascii_case(&gym.name) => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no environment `{name}`\nhint: the environment is `{}`", gym.name),
            )),
            _ => Ok(Self),
        }
    }
}

/// The id of a session, as its header has it.
pub(crate) struct SessionId(pub(crate) String);

impl FromRequestParts<Arc<Gym>> for SessionId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Gym>) -> Result<Self, Refusal> {
        let id = parts.headers.get("x-session-id").and_then(|id| id.to_str().ok()).map(str::trim);
        let id = id.filter(|id| !id.is_empty());
        id.map(|id| Self(id.to_owned())).ok_or_else(|| Refusal::bad("X-Session-ID header is required"))
    }
}

/// The session of a request.
pub(crate) struct OfSession(pub(crate) Arc<Session>);

impl FromRequestParts<Arc<Gym>> for OfSession {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gym: &Arc<Gym>) -> Result<Self, Refusal> {
        let SessionId(id) = SessionId::from_request_parts(parts, gym).await?;
        gym.find(&id).map(Self)
    }
}
