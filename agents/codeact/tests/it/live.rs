//! Episodes against a real HTTP server that plays an OpenAI-compatible model.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::{Program, Ran};

/// Gives the answers of a recorded episode: the answer's number is that of the assistant's messages so far. Counts how
/// often each was asked for.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    pub(crate) asked: Arc<Mutex<Vec<usize>>>,
    pub(crate) keys: Arc<Mutex<HashSet<String>>>,
    /// Whether calls travel as text.
    text: bool,
}

impl Respond for Recorded {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let number = messages.iter().filter(|message| message["role"] == "assistant").count();
        self.asked.lock().unwrap().push(number);
        let key = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        self.keys.lock().unwrap().extend(key);
        let episode = agent_core::Trajectory::parse(demo::episode("demo__lru-1", "codeact").unwrap()).unwrap();
        let completion = episode.completions().nth(number).unwrap().1.clone();
        let mut message = serde_json::to_value(completion.message).unwrap();
        let root = root_of(messages);
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        if self.text {
            message = json!({ "role": "assistant", "content": as_text(&message, &calls, &root) });
        } else {
            let calls = calls.iter().map(|call| {
                let arguments = call["arguments"].as_str().unwrap().replace("/testbed", &root);
                json!({ "id": call["id"], "type": "function", "function": { "name": call["name"], "arguments": arguments } })
            });
            message =
                json!({ "role": "assistant", "content": message["content"], "tool_calls": calls.collect::<Vec<_>>() });
        }
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o",
            "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100 },
        }))
    }
}

/// Returns where the repository is, as the first user message says.
fn root_of(messages: &[Value]) -> String {
    let text = messages.iter().find(|message| message["role"] == "user").unwrap()["content"].to_string();
    let (_, rest) = text.split_once("is checked out at `").unwrap();
    rest.split('`').next().unwrap().to_owned()
}

fn as_text(message: &Value, calls: &[Value], root: &str) -> String {
    let mut text = message["content"].as_str().unwrap_or_default().to_owned();
    for call in calls.iter().take(1) {
        let arguments: Value =
            serde_json::from_str(&call["arguments"].as_str().unwrap().replace("/testbed", root)).unwrap();
        text.push_str(&format!("\n\n<function={}>\n", call["name"].as_str().unwrap()));
        for (name, value) in arguments.as_object().unwrap() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let lines = if value.contains('\n') { format!("\n{value}\n") } else { value };
            text.push_str(&format!("<parameter={name}>{lines}</parameter>\n"));
        }
        // The stop word cuts the end off.
    }
    text
}

/// Starts a server of recorded answers, each after a while.
pub(crate) fn serve(recorded: &Recorded, delay: std::time::Duration) -> (tokio::runtime::Runtime, String) {
    serve_with(Slow(recorded.clone(), delay))
}

/// Starts a server in a runtime of its own that lives as long as the test; returns the address of its API.
pub(crate) fn serve_with(respond: impl Respond + 'static) -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(respond).mount(&server).await;
        server
    });
    let url = format!("{}/v1", server.uri());
    runtime.spawn(async move {
        let _server = server;
        std::future::pending::<()>().await;
    });
    (runtime, url)
}

struct Slow(Recorded, std::time::Duration);

impl Respond for Slow {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.respond(request).set_delay(self.1)
    }
}

fn solve(program: &Program, extra: &[&str]) -> Ran {
    let base = ["solve", "demo__lru-1", "--run", "live", "--model", "gpt-4o", "-c", "model.retry.max_elapsed=3"];
    program.run(&[&base, extra].concat())
}

#[test]
fn a_live_model_solves_an_instance_and_its_key_goes_nowhere_else() {
    let recorded = Recorded::default();
    let (_runtime, url) = serve(&recorded, std::time::Duration::ZERO);
    let key = "sk-test-0123456789abcdef";
    let program = Program::new().with("OPENAI_BASE_URL", &url).with("OPENAI_API_KEY", key);
    let ran = solve(&program, &["-vv"]);
    assert_eq!(ran.report("demo__lru-1")["resolved"], true, "{ran:?}");
    assert_eq!(*recorded.keys.lock().unwrap(), HashSet::from([format!("Bearer {key}")]));
    assert!(!ran.stderr.contains(key) && !ran.stdout.contains(key));
    for name in ["trajectory.jsonl", "config.yaml", "preds.jsonl"] {
        let text = std::fs::read_to_string(&program.found(name)[0]).unwrap();
        assert!(!text.contains(key), "the key is in {name}");
    }
    assert!(ran.stderr.contains('$') && !ran.stderr.contains("cost unknown"), "{ran:?}");
}

#[test]
fn a_model_without_native_calls_solves_it_by_text() {
    let recorded = Recorded { text: true, ..Recorded::default() };
    let (_runtime, url) = serve(&recorded, std::time::Duration::ZERO);
    let program = Program::new().with("OPENAI_BASE_URL", &url);
    let ran = solve(&program, &["-c", "model.tool_calls=text", "-c", "limits.cost=null"]);
    assert_eq!(ran.report("demo__lru-1")["resolved"], true, "{ran:?}");
}

#[test]
fn a_server_that_is_not_there_is_an_infrastructure_failure() {
    let program = Program::new().with("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    let ran = solve(&program, &["-c", "model.retry.max_elapsed=0"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the model failed"), "{ran:?}");
    let line = ran.line("demo__lru-1");
    assert_eq!((&line["resolved"], &line["exit_status"]), (&Value::Null, &json!("model_failed")), "{ran:?}");
}
