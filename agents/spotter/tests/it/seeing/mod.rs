//! A sweep as a person, a program and a collector of traces see it.

mod lines;
mod traces;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::Program;

/// The text of each answer, which no trace may hold.
const SAID: &str = "a word of the model";
/// The command that each episode runs, which no trace may hold either.
const COMMAND: &str = "ls -la";

/// A model that runs a command, calls a tool in a wrong way, and finishes; each answer has another number of tokens.
struct Model(Duration);

impl Respond for Model {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let number = messages.iter().filter(|message| message["role"] == "assistant").count();
        let (name, arguments) = match number {
            0 => ("bash", json!({ "command": COMMAND })),
            1 => ("str_replace_editor", json!({ "command": "view", "path": "/no/such/file" })),
            _ => ("finish", json!({})),
        };
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        let call = json!({ "id": format!("call-{number}"), "type": "function", "function": function });
        let message = json!({ "role": "assistant", "content": SAID, "tool_calls": [call] });
        let (prompt, completion) = (1000 + 10 * number, 7 + number);
        ResponseTemplate::new(200).set_delay(self.0).set_body_json(json!({
            "id": format!("answer-{number}"), "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
            "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }],
            "usage": { "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion },
        }))
    }
}

/// A server on loopback that runs as long as this lives.
struct Server {
    server: MockServer,
    runtime: Runtime,
}

impl Server {
    fn start(at: &str, respond: impl Respond + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(method("POST")).and(path(at)).respond_with(respond).mount(&server).await;
            server
        });
        Self { server, runtime }
    }

    fn model(delay: Duration) -> Self {
        Self::start("/v1/chat/completions", Model(delay))
    }

    fn requests(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).unwrap()
    }
}

/// Returns a program with a sweep of two cells on two instances, each with two samples.
fn sweep(model: &Server) -> Program {
    let program = Program::new();
    let url = format!("{}/v1", model.server.uri());
    let file = format!(
        "base:\n  model: {{name: gpt-4o, base_url: '{url}'}}\n  env: {{dataset: demo}}\n  sandbox: {{provider: local}}\n\
         agent: codeact\nmatrix: {{model.temperature: [0, 0.5]}}\ninstances: {{ids: [demo__lru-1, demo__tables-1]}}\n\
         samples: 2\nworkers: 3\n"
    );
    fs::write(program.path("seen.yaml"), file).unwrap();
    program
}
