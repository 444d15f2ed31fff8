//! The Model Context Protocol: which tools there are, and calls of them, as JSON-RPC.

use std::sync::Arc;

use serde_json::{Value, json};
use shell::nonce;

use super::observation::{Failure, call, first};
use crate::gym::{Gym, Wanted};
use crate::sessions::Session;

/// The request is no JSON.
pub(super) const NO_JSON: i32 = -32700;
const NO_REQUEST: i32 = -32600;
const NO_METHOD: i32 = -32601;
const UNFIT: i32 = -32602;
const INTERNAL: i32 = -32603;
const SERVER: i32 = -32000;

/// Why a request has no result.
struct Error {
    code: i32,
    message: String,
}

impl Error {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = match failure.code {
            "CAPACITY_REACHED" => SERVER,
            "VALIDATION_ERROR" => UNFIT,
            _ => INTERNAL,
        };
        Self::new(code, failure.message)
    }
}

/// Answers a request, for the session of its connection or the one that it names.
pub(super) async fn answer(gym: &Arc<Gym>, session: Option<&Arc<Session>>, request: &Value) -> Value {
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    match result(gym, session, request).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
        Err(err) => refusal(err.code, &err.message, &id),
    }
}

/// Returns the answer to a request that has no result.
pub(super) fn refusal(code: i32, message: &str, id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message }, "id": id })
}

async fn result(gym: &Arc<Gym>, session: Option<&Arc<Session>>, request: &Value) -> Result<Value, Error> {
    let method = request.get("method").and_then(Value::as_str);
    let (Some("2.0"), Some(method)) = (request.get("jsonrpc").and_then(Value::as_str), method) else {
        return Err(Error::new(NO_REQUEST, "a request has `jsonrpc`, which is `2.0`, and a `method`"));
    };
    let params = request.get("params").cloned().unwrap_or_else(|| json!({}));
    if !params.is_object() {
        return Err(Error::new(UNFIT, "`params` is an object"));
    }
    match method {
        "initialize" => Ok(json!({
            "protocolVersion": params.get("protocolVersion").and_then(Value::as_str).unwrap_or("2025-06-18"),
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "spotter", "version": env!("CARGO_PKG_VERSION") },
        })),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": gym.tools.listed("inputSchema") })),
        "tools/call" => {
            let session = of_request(gym, session, &params)?;
            call_tool(gym, &session, &params).await
        }
        "openenv/session/create" => match session {
            Some(session) => Ok(json!({ "session_id": session.id })),
            None => create(gym, params).await,
        },
        "openenv/session/close" => close(gym, session, &params),
        other => Err(Error::new(NO_METHOD, format!("unknown method `{other}`"))),
    }
}

/// Returns the session of a connection, or the one that a request names.
fn of_request(gym: &Gym, session: Option<&Arc<Session>>, params: &Value) -> Result<Arc<Session>, Error> {
    if let Some(session) = session {
        return Ok(session.clone());
    }
    let Some(id) = params.get("session_id").and_then(Value::as_str) else {
        let why = "the call has no `session_id`\nhint: `openenv/session/create` begins a session";
        return Err(Error::new(UNFIT, why));
    };
    gym.find(id).map_err(|refusal| Error::new(UNFIT, refusal.detail))
}

async fn call_tool(gym: &Gym, session: &Session, params: &Value) -> Result<Value, Error> {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Err(Error::new(UNFIT, "the call has no `name`"));
    };
    let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
    if !arguments.is_object() {
        return Err(Error::new(UNFIT, "`arguments` is an object"));
    }
    let called = call(gym, session, name, &arguments).await?;
    let reward = called.ended.as_ref().map(|ended| json!(ended.reward));
    Ok(json!({
        "content": [{ "type": "text", "text": called.text }],
        "isError": called.is_error,
        // What clients of OpenEnv take as the whole result.
        "data": called.text,
        "_meta": { "done": called.ended.is_some(), "reward": reward },
    }))
}

async fn create(gym: &Arc<Gym>, params: Value) -> Result<Value, Error> {
    let wanted: Wanted = serde_json::from_value(params).map_err(|err| Error::new(UNFIT, err.to_string()))?;
    let id = nonce();
    let place = gym.wanted(&wanted).map_err(Failure::from)?;
    let session = gym.begin(&id, place).map_err(Failure::from)?;
    let observation = first(gym, &session).await?;
    Ok(json!({ "session_id": id, "observation": observation }))
}

fn close(gym: &Gym, session: Option<&Arc<Session>>, params: &Value) -> Result<Value, Error> {
    let Some(id) = params.get("session_id").and_then(Value::as_str) else {
        return Err(Error::new(UNFIT, "`session_id` is required"));
    };
    if session.is_some_and(|session| session.id == id) {
        return Err(Error::new(NO_REQUEST, "the session of a web socket is closed with it"));
    }
    gym.find(id).map_err(|refusal| Error::new(UNFIT, refusal.detail))?;
    gym.close(id);
    Ok(json!({ "session_id": id, "closed": true }))
}
