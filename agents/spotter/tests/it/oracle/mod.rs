//! A model that knows the solution: a chat completions server on loopback that plays an instance's gold patch.
//!
//! What is answered follows from the gold patch and from the structure of the request: the tools on offer and their
//! schemas, the turns so far, the code that is shown. Nothing is kept between requests, and no sentence of a prompt is
//! known, so that another wording changes nothing, while what a prompt lacks, and what the agent refuses, fails the run.

mod actions;
pub(crate) mod gold;
mod marks;
mod request;
mod shown;
mod states;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use gold::Gold;
use request::{Call, Lost, Request};

/// Bytes that make a token in the figures of an answer.
const TOKEN: usize = 4;

/// The server; it runs as long as this lives.
pub(crate) struct Oracle {
    server: MockServer,
    asked: Arc<AtomicUsize>,
    _runtime: Runtime,
}

/// Answers the requests for one instance.
struct Model {
    gold: Gold,
    issue: String,
    asked: Arc<AtomicUsize>,
}

impl Oracle {
    /// Starts the model of an instance.
    pub(crate) fn start(gold: Gold, issue: &str) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let model = Model { gold, issue: issue.to_owned(), asked: asked.clone() };
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(model).mount(&server).await;
            server
        });
        Self { server, asked, _runtime: runtime }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.server.uri())
    }

    /// Returns how many requests there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Respond for Model {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let body = serde_json::from_slice(&request.body).map_err(|err| err.to_string());
        match body.and_then(|body| complete(&self.gold, &self.issue, &body)) {
            Ok(completion) => ResponseTemplate::new(200).set_body_json(completion),
            // It is told to the client, whose run it fails.
            Err(lost) => {
                let message = format!("the oracle is lost: {lost}");
                let error = json!({ "error": { "message": message, "type": "invalid_request_error" } });
                ResponseTemplate::new(400).set_body_json(error)
            }
        }
    }
}

/// Returns the answer to a request.
fn complete(gold: &Gold, issue: &str, body: &Value) -> Result<Value, Lost> {
    let request = Request::read(body)?;
    let call = match request.offers.as_slice() {
        [_] => states::call(gold, issue, &request)?,
        _ => actions::call(gold, issue, &request)?,
    };
    request.check(&call)?;
    let message = if request.is_native {
        as_tool_call(&call, request.turns.len())
    } else {
        as_json_text(&call, request.offers.len() == 1)
    };
    let reason = if request.is_native { "tool_calls" } else { "stop" };
    let (asked, answered) = (tokens(&body["messages"]), tokens(&message));
    Ok(json!({
        "id": "chatcmpl-oracle", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": { "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered },
    }))
}

/// Returns a message with a native call.
fn as_tool_call(call: &Call, number: usize) -> Value {
    let function = json!({ "name": call.name, "arguments": Value::Object(call.arguments.clone()).to_string() });
    let call = json!({ "id": format!("call_{number}"), "type": "function", "function": function });
    json!({ "role": "assistant", "content": "I make a call.", "tool_calls": [call] })
}

/// Returns a message with the call in its text: an object, and texts of several lines between tags below it. Where a tool
/// stands alone the object holds its arguments, else it names the tool beside them.
fn as_json_text(call: &Call, is_alone: bool) -> Value {
    let is_long = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
    let (long, short): (Map<_, _>, Map<_, _>) =
        call.arguments.clone().into_iter().partition(|(_, value)| is_long(value));
    let object = if is_alone { Value::Object(short) } else { json!({ "tool": call.name, "arguments": short }) };
    let texts = long.iter().map(|(name, text)| format!("<{name}>\n{}\n</{name}>", text.as_str().unwrap_or_default()));
    let parts: Vec<String> = ["I make a call.".to_owned(), object.to_string()].into_iter().chain(texts).collect();
    json!({ "role": "assistant", "content": parts.join("\n") })
}

/// Returns about how many tokens a value has.
fn tokens(value: &Value) -> usize {
    value.to_string().len().div_ceil(TOKEN)
}
