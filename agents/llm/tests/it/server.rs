//! Servers on this machine, and a model that asks them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::{Completion, Message, Model, ModelError, Request, ToolSpec};
use llm::{ModelConfig, Prices, RetryConfig};
use prompts::Prompts;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The key that no text may show.
pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

/// Returns settings for a server, that wait only for as long as the server says.
pub(crate) fn config(base_url: &str) -> ModelConfig {
    ModelConfig {
        name: Some("gpt-4o-2024-08-06".to_owned()),
        base_url: Some(format!("{base_url}/v1")),
        retry: RetryConfig { max_elapsed: 5.0, base: 0.001, cap: 0.01 },
        timeout: 5.0,
        ..ModelConfig::default()
    }
}

pub(crate) fn prompts() -> Prompts {
    Prompts::new(BTreeMap::new()).unwrap()
}

/// Connects with [`KEY`] as the key, and nothing else, in the environment.
pub(crate) fn model(config: &ModelConfig) -> Arc<dyn Model> {
    let variable = |name: &str| (name == "OPENAI_API_KEY").then(|| KEY.to_owned());
    llm::connect_in(config, &Prices::new(None).unwrap(), &prompts(), variable).unwrap()
}

pub(crate) fn hello() -> Request {
    Request { messages: vec![Message::system("be good"), Message::user("hello")], tools: Vec::new() }
}

pub(crate) fn bash() -> ToolSpec {
    ToolSpec {
        name: "execute_bash".to_owned(),
        description: "Runs a command.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "command": { "type": "string", "description": "The command." },
                "view": { "anyOf": [{ "type": "array", "items": { "type": "integer" } }, { "type": "null" }] },
                "mode": { "type": "string", "enum": ["fast", "slow"] },
            },
            "required": ["command"],
        }),
    }
}

/// Returns an answer as OpenAI sends it.
pub(crate) fn answer(content: &str) -> Value {
    body(json!({ "role": "assistant", "content": content }), json!("stop"))
}

pub(crate) fn body(message: Value, finish_reason: Value) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 },
    })
}

pub(crate) fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Starts a server that answers in this order, the last for ever.
pub(crate) async fn serve(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let last = answers.len() - 1;
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(answer);
        let mock = if index == last { mock } else { mock.up_to_n_times(1) };
        mock.with_priority(u8::try_from(index + 1).unwrap()).mount(&server).await;
    }
    server
}

/// Asks a server that gives these answers, and returns the result with the number of requests it saw.
pub(crate) async fn ask(answers: Vec<ResponseTemplate>) -> (Result<Completion, ModelError>, usize) {
    let server = serve(answers).await;
    let result = model(&config(&server.uri())).complete(&hello()).await;
    (result, count(&server).await)
}

/// Asks a server that answers once and is asked once.
pub(crate) async fn ask_once(answer: ResponseTemplate) -> Result<Completion, ModelError> {
    let server = serve(vec![answer]).await;
    let retry = RetryConfig { max_elapsed: 0.0, ..RetryConfig::default() };
    model(&ModelConfig { retry, ..config(&server.uri()) }).complete(&hello()).await
}

pub(crate) async fn count(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// Returns the body of a request that a server saw.
pub(crate) async fn seen(server: &MockServer, index: usize) -> Value {
    serde_json::from_slice(&server.received_requests().await.unwrap()[index].body).unwrap()
}

/// What a broken server does with one connection.
#[derive(Clone)]
pub(crate) enum Deed {
    /// Resets it.
    Reset,
    /// Sends these bytes and closes it.
    Send(String),
    /// Sends these bytes and leaves it open.
    Hang(String),
}

/// Starts a server of bare bytes, one deed a connection; returns its address and a counter of connections.
pub(crate) async fn broken(deeds: Vec<Deed>) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(0));
    let counter = seen.clone();
    tokio::spawn(async move {
        for deed in deeds {
            let (mut connection, _) = listener.accept().await.unwrap();
            *counter.lock().unwrap() += 1;
            match deed {
                // Closing while there is something to read resets the connection.
                Deed::Reset => drop(connection.peek(&mut [0]).await),
                Deed::Send(bytes) => {
                    read_request(&mut connection).await;
                    connection.write_all(bytes.as_bytes()).await.unwrap();
                }
                Deed::Hang(bytes) => {
                    read_request(&mut connection).await;
                    connection.write_all(bytes.as_bytes()).await.unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_secs(30)).await;
                        drop(connection);
                    });
                }
            }
        }
    });
    (format!("http://{address}"), seen)
}

/// Returns the bytes of an answer; `length` stands in its header, whatever the body's is.
pub(crate) fn raw(kind: &str, body: &str, length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

async fn read_request(connection: &mut TcpStream) {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = connection.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if read == 0 || body.len() >= length.trim().parse().unwrap() {
            return;
        }
    }
}
