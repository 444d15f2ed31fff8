//! What requests say of the environment and the session that they are about.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::gym::Gym;
use crate::refusal::Refusal;
use crate::sessions::Session;

/// Is there where an address names the environment of the server, or none.
pub(super) struct OfEnvironment;

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
pub(super) struct SessionId(pub(super) String);

impl FromRequestParts<Arc<Gym>> for SessionId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Gym>) -> Result<Self, Refusal> {
        let id = parts.headers.get("x-session-id").and_then(|id| id.to_str().ok()).map(str::trim);
        let id = id.filter(|id| !id.is_empty());
        id.map(|id| Self(id.to_owned())).ok_or_else(|| Refusal::bad("X-Session-ID header is required"))
    }
}

/// The session of a request.
pub(super) struct OfSession(pub(super) Arc<Session>);

impl FromRequestParts<Arc<Gym>> for OfSession {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gym: &Arc<Gym>) -> Result<Self, Refusal> {
        let SessionId(id) = SessionId::from_request_parts(parts, gym).await?;
        gym.find(&id).map(Self)
    }
}
