//! Actions and observations, as the protocol writes them.

use std::sync::Arc;
use std::time::Instant;

use agent_core::Message;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gym::Gym;
use crate::refusal::Refusal;
use crate::sessions::{Answer, Ended, Session, State};

/// What a client does.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Asks which tools there are.
    ListTools {
        #[serde(default, rename = "metadata")]
        _metadata: Map<String, Value>,
    },
    /// Has one called.
    CallTool {
        tool_name: String,
        #[serde(default)]
        arguments: Map<String, Value>,
        #[serde(default, rename = "metadata")]
        _metadata: Map<String, Value>,
    },
}

/// Why there is no observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The protocol's word for it.
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            _ if refusal.is_for_now => "CAPACITY_REACHED",
            _ if refusal.status.is_client_error() => "VALIDATION_ERROR",
            _ => "SESSION_ERROR",
        };
        Self::new(code, refusal.detail)
    }
}

/// Waits until a session takes calls and returns the observation at its start.
pub(super) async fn first(gym: &Gym, session: &Session) -> Result<Value, Failure> {
    match session.begun().await {
        State::Ended(ended) if ended.messages.is_empty() => {
            let why = ended.reward.infrastructure.clone().unwrap_or_else(|| "the session has ended".to_owned());
            Err(Failure::new("FACTORY_ERROR", why))
        }
        State::Ended(ended) => Ok(start(gym, session, &ended.messages, Some(&ended))),
        State::Ready(messages) => Ok(start(gym, session, &messages, None)),
        State::Starting => Err(Failure::new("SESSION_ERROR", "the session has not begun")),
    }
}

fn start(gym: &Gym, session: &Session, messages: &[Message], ended: Option<&Ended>) -> Value {
    let told: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    let observation = json!({
        "instance_id": session.instance_id,
        "prompt": told.join("\n\n"),
        "messages": messages.iter().map(|one| json!({ "role": one.role, "content": one.content })).collect::<Vec<_>>(),
        "tools": gym.tools.listed("input_schema"),
    });
    let metadata = json!({ "session_id": session.id, "instance_id": session.instance_id });
    whole(observation, metadata, ended)
}

/// Does what a client asks for and returns the observation.
pub(super) async fn act(gym: &Gym, session: &Session, action: Value) -> Result<Value, Failure> {
    let unfit = |err: serde_json::Error| Failure::new("VALIDATION_ERROR", format!("the action does not fit: {err}"));
    match serde_json::from_value(action).map_err(unfit)? {
        Action::ListTools { .. } => Ok(whole(json!({ "tools": gym.tools.listed("input_schema") }), json!({}), None)),
        Action::CallTool { tool_name, arguments, .. } => {
            let called = call(gym, session, &tool_name, &Value::Object(arguments)).await?;
            let error = called.is_error.then(|| {
                let kind = if gym.tools.has(&tool_name) { "execution_error" } else { "tool_not_found" };
                json!({ "error_type": kind, "message": called.text })
            });
            let observation = json!({ "tool_name": tool_name, "result": called.text, "error": error });
            Ok(whole(observation, called.metadata, called.ended.as_deref()))
        }
    }
}

/// What a call came to.
pub(super) struct Called {
    pub(super) text: String,
    pub(super) is_error: bool,
    metadata: Value,
    pub(super) ended: Option<Arc<Ended>>,
}

/// Has a tool called.
pub(super) async fn call(gym: &Gym, session: &Session, name: &str, arguments: &Value) -> Result<Called, Failure> {
    let begun = Instant::now();
    let answer = session.call(name, arguments).await;
    gym.metrics.called(begun.elapsed());
    match answer {
        Answer::Shown(shown, ended) => {
            let metadata = shown.exit_code.map_or_else(|| json!({}), |code| json!({ "exit_code": code }));
            Ok(Called { text: shown.text, is_error: shown.is_error, metadata, ended })
        }
        Answer::Ended(ended) => {
            Ok(Called { text: String::new(), is_error: false, metadata: json!({}), ended: Some(ended) })
        }
        Answer::Over(_) => {
            Err(Failure::new("EXECUTION_ERROR", "the episode has ended\nhint: reset begins another one"))
        }
    }
}

/// Returns an observation with what stands beside it.
fn whole(observation: Value, mut metadata: Value, ended: Option<&Ended>) -> Value {
    if let (Some(ended), Some(metadata)) = (ended, metadata.as_object_mut())
        && let Ok(Value::Object(reward)) = serde_json::to_value(&ended.reward)
    {
        metadata.extend(reward);
    }
    let reward = ended.and_then(|ended| ended.reward.reward);
    json!({ "observation": observation, "reward": reward, "done": ended.is_some(), "metadata": metadata })
}

/// Returns how far a session has got, in the form of the protocol.
pub(super) fn state(session: Option<&Session>) -> Value {
    let Some(session) = session else { return json!({ "episode_id": null, "step_count": 0 }) };
    let (word, reward) = match session.state() {
        State::Starting => ("starting", None),
        State::Ready(_) => ("ready", None),
        State::Ended(ended) => ("ended", ended.reward.reward),
    };
    json!({
        "episode_id": session.id,
        "step_count": session.calls(),
        "instance_id": session.instance_id,
        "status": word,
        "reward": reward,
    })
}
