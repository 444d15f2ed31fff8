//! Sessions over a web socket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shell::nonce;
use tokio::time::timeout;

use super::mcp;
use super::observation::{Failure, act, first, state};
use crate::gym::{Gym, Wanted};
use crate::refusal::MOST_BYTES;
use crate::sessions::Session;

/// Messages that may wait while one is answered; a client that sends more does not wait for answers.
const WAITING: usize = 64;
/// How long a client may take to end a connection with the server.
const CLOSING: Duration = Duration::from_secs(2);
#[derive(Debug, Deserialize)]
pub(super) struct Attach {
    session_id: Option<String>,
}

pub(super) async fn connect(
    State(gym): State<Arc<Gym>>,
    Query(attach): Query<Attach>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MOST_BYTES).max_frame_size(MOST_BYTES);
    upgrade.on_upgrade(move |socket| serve(gym, attach.session_id, socket))
}

/// What a message is answered with.
enum Reply {
    Frame(Value),
    Close,
}

/// One connection.
struct Connection {
    gym: Arc<Gym>,
    session: Option<Arc<Session>>,
    /// Whether the session was there before the connection, and stays.
    is_attached: bool,
}

async fn serve(gym: Arc<Gym>, attach: Option<String>, mut socket: WebSocket) {
    let Some(_place) = gym.connections.take() else {
        let most = gym.connections.most();
        let full = Failure::new("CAPACITY_REACHED", format!("{most} connections are open, which is as many as may be"));
        let _ = send(&mut socket, &error(&gym, &full)).await;
        close(&mut socket).await;
        return;
    };
    let mut connection = Connection { gym, session: None, is_attached: false };
    match attach.map(|id| connection.gym.find(&id)) {
        None => {}
        Some(Ok(session)) => {
            connection.session = Some(session);
            connection.is_attached = true;
        }
        Some(Err(refusal)) => {
            let failure = Failure::new("SESSION_ERROR", refusal.detail);
            let _ = send(&mut socket, &error(&connection.gym, &failure)).await;
            close(&mut socket).await;
            return;
        }
    }
    connection.run(&mut socket).await;
    connection.leave();
    close(&mut socket).await;
}

/// Ends a connection as the protocol has it; a client that has gone is not waited for.
async fn close(socket: &mut WebSocket) {
    if socket.send(Message::Close(None)).await.is_ok() {
        let _ = timeout(CLOSING, async { while next(socket).await.is_some() {} }).await;
    }
}

impl Connection {
    /// Answers messages one after another until the client goes.
    async fn run(&mut self, socket: &mut WebSocket) {
        let mut waiting = VecDeque::new();
        loop {
            let message = match waiting.pop_front() {
                Some(message) => message,
                None => match next(socket).await {
                    Some(message) => message,
                    None => return,
                },
            };
            let reply = {
                let reply = self.answer(&message);
                tokio::pin!(reply);
                loop {
                    // Reading goes on meanwhile: pings are answered, and a client that goes is noticed.
                    tokio::select! {
                        reply = &mut reply => break reply,
                        message = next(socket), if waiting.len() < WAITING => match message {
                            Some(message) => waiting.push_back(message),
                            None => return,
                        },
                    }
                }
            };
            match reply {
                Reply::Frame(frame) if send(socket, &frame).await.is_some() => {}
                Reply::Frame(_) | Reply::Close => return,
            }
        }
    }

    async fn answer(&mut self, text: &str) -> Reply {
        let message = match serde_json::from_str::<Value>(text) {
            Ok(message) => message,
            Err(err) => return self.failed(Failure::new("INVALID_JSON", format!("the message is no JSON: {err}"))),
        };
        let data = message.get("data").cloned().unwrap_or_else(|| json!({}));
        let answered = match message.get("type").and_then(Value::as_str).unwrap_or_default() {
            "reset" => self.reset(&data).await.map(observed),
            "step" => match &self.session {
                Some(session) => act(&self.gym, session, data).await.map(observed),
                None => Err(Failure::new("EXECUTION_ERROR", "there is no session yet\nhint: reset begins one")),
            },
            "state" => Ok(json!({ "type": "state", "data": state(self.session.as_deref()) })),
            "close" => return Reply::Close,
            "mcp" => {
                let answer = mcp::answer(&self.gym, self.session.as_ref(), &data).await;
                Ok(json!({ "type": "mcp", "data": answer }))
            }
            other => Err(Failure::new("UNKNOWN_TYPE", format!("unknown type of message `{other}`"))),
        };
        answered.map_or_else(|failure| self.failed(failure), Reply::Frame)
    }

    /// Begins a session in the place of the one that the connection had.
    async fn reset(&mut self, data: &Value) -> Result<Value, Failure> {
        let wanted = serde_json::from_value::<Wanted>(data.clone());
        let wanted =
            wanted.map_err(|err| Failure::new("VALIDATION_ERROR", format!("the reset does not fit: {err}")))?;
        let id = data.get("episode_id").and_then(Value::as_str).map_or_else(nonce, str::to_owned);
        let place = self.gym.wanted(&wanted).map_err(Failure::from)?;
        let left = self.leave();
        let begun = match (self.gym.begin(&id, place), left) {
            // The one that was left may still have the last slot, as it is judged.
            (Err(refusal), Some(left)) if refusal.is_for_now => {
                left.ended().await;
                self.gym.begin(&id, place)
            }
            (begun, _) => begun,
        };
        let session = begun.map_err(Failure::from)?;
        self.session = Some(session.clone());
        first(&self.gym, &session).await
    }

    /// Closes the session, unless it was there before, and returns it.
    fn leave(&mut self) -> Option<Arc<Session>> {
        let session = self.session.take()?;
        if !std::mem::take(&mut self.is_attached) {
            self.gym.close(&session.id);
        }
        Some(session)
    }

    fn failed(&self, failure: Failure) -> Reply {
        Reply::Frame(error(&self.gym, &failure))
    }
}

fn observed(observation: Value) -> Value {
    json!({ "type": "observation", "data": observation })
}

fn error(gym: &Gym, failure: &Failure) -> Value {
    let Failure { code, message } = failure;
    let mut data = json!({ "message": message, "code": code });
    if *code == "CAPACITY_REACHED" {
        data["active_sessions"] = json!(gym.live());
        data["max_sessions"] = json!(gym.settings.sessions);
    }
    json!({ "type": "error", "data": data })
}

/// Waits for a message; `None` when the client has gone.
async fn next(socket: &mut WebSocket) -> Option<Utf8Bytes> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => return Some(text),
            Message::Binary(bytes) => return Some(String::from_utf8_lossy(&bytes).into_owned().into()),
            Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

async fn send(socket: &mut WebSocket, frame: &Value) -> Option<()> {
    socket.send(Message::Text(frame.to_string().into())).await.ok()
}
