//! Calls, which are answered by events, so that a stream that is lost can be taken up again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use shell::nonce;

use super::request::{OfEnvironment, OfSession};
use super::session::begun;
use crate::gym::{Gym, check_id};
use crate::refusal::{Refusal, read};
use crate::sessions::{Answer, Ended, Session};

/// How often a stream says that it lives.
const ALIVE: Duration = Duration::from_secs(10);
/// Bytes of one event at most: the official client does not read longer lines.
const CHUNK: usize = 4096;
#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    input: Value,
    task_id: Option<String>,
}

pub(super) async fn call(
    _: OfEnvironment,
    OfSession(session): OfSession,
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let call: Call = read(body)?;
    begun(&session).await?;
    let (id, answer) = match call.task_id {
        Some(id) => {
            check_id(&id)?;
            let answer = session.answers.find(&id);
            (id, answer)
        }
        None => {
            let id = nonce();
            let (sender, answer) = session.answers.add(&id);
            // It is run to its end, whether its client is there or not.
            tokio::spawn(async move {
                let text = run(&gym, &session, &call.name, &call.input).await.to_string();
                sender.send_replace(Some(text.into()));
            });
            (id, Some(answer))
        }
    };
    let first = Event::default().event("task_id").data(&id);
    let rest = stream::once(async move {
        let events = match answer {
            None => vec![Event::default().event("error").data("unknown task_id")],
            Some(mut answer) => match answer.wait_for(Option::is_some).await {
                Ok(text) => text.as_deref().map(in_chunks).unwrap_or_default(),
                Err(_) => vec![Event::default().event("error").data("the server stopped the call")],
            },
        };
        stream::iter(events)
    });
    let events = stream::once(async move { first }).chain(rest.flatten()).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE).text("ping")))
}

/// Runs a call and returns its answer in the form of the protocol.
async fn run(gym: &Gym, session: &Session, name: &str, input: &Value) -> Value {
    if !input.is_object() && !input.is_null() {
        return refused("the input of a call is an object", "input_validation");
    }
    let begun = Instant::now();
    let input = if input.is_null() { &json!({}) } else { input };
    let answer = session.call(name, input).await;
    gym.metrics.called(begun.elapsed());
    match answer {
        Answer::Shown(shown, None) if shown.is_error && !gym.tools.has(name) => refused(&shown.text, "not_found"),
        Answer::Shown(shown, ended) => {
            let mut metadata = json!({ "is_error": shown.is_error });
            if let Some(code) = shown.exit_code {
                metadata["exit_code"] = json!(code);
            }
            done(&shown.text, metadata, ended.as_deref())
        }
        Answer::Ended(ended) => done("", json!({}), Some(&ended)),
        Answer::Over(ended) if ended.messages.is_empty() => done("", json!({}), Some(&ended)),
        Answer::Over(_) => refused("the episode has ended", "episode_finished"),
    }
}

fn refused(why: &str, reason: &str) -> Value {
    json!({ "ok": false, "error": why, "reason": reason })
}

/// Returns the answer to a call that was run. With the last one come the reward and what it is made of.
fn done(text: &str, mut metadata: Value, ended: Option<&Ended>) -> Value {
    let reward = ended.and_then(|ended| ended.reward.reward);
    if let (Some(ended), Some(metadata)) = (ended, metadata.as_object_mut())
        && let Ok(Value::Object(reward)) = serde_json::to_value(&ended.reward)
    {
        metadata.extend(reward);
    }
    json!({
        "ok": true,
        "output": {
            "blocks": [{ "type": "text", "text": text }],
            "metadata": metadata,
            "reward": reward,
            "finished": ended.is_some(),
        },
    })
}

/// Cuts an answer, which is JSON on one line, into events. None begins with white space, which clients take for what stands
/// behind the colon of the field: there it is written as an escape.
fn in_chunks(text: &str) -> Vec<Event> {
    let pieces = pieces(text);
    let last = pieces.len().saturating_sub(1);
    let name = |at: usize| if at == last { "end" } else { "chunk" };
    pieces.into_iter().enumerate().map(|(at, piece)| Event::default().event(name(at)).data(piece)).collect()
}

fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        let is_full = pieces.last().is_some_and(|piece| piece.len() + character.len_utf8() > CHUNK);
        if is_full && character.is_whitespace() {
            pieces.push(format!("\\u{:04x}", u32::from(character)));
        } else if is_full {
            pieces.push(character.to_string());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_stripped_and_put_together_are_the_answer() {
        for filler in [" ", "\u{3000}", "x", "é ", "\u{2028}x", "\\", "\n\t "] {
            let answer = json!({ "text": filler.repeat(9000), "end": true });
            let pieces = pieces(&answer.to_string());
            assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= CHUNK), "{filler:?}");
            let joined: String = pieces.iter().map(|piece| piece.trim_start()).collect();
            assert_eq!(serde_json::from_str::<Value>(&joined).unwrap(), answer, "{filler:?}");
        }
    }
}
