//! OpenEnv: the web socket with every message, and MCP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::server::{Server, gold_command};

/// A connection.
pub(super) struct Socket(WebSocket<MaybeTlsStream<std::net::TcpStream>>);

impl Socket {
    pub(super) fn open(server: &Server, query: &str) -> Self {
        let (socket, _) = tungstenite::connect(format!("ws://{}/ws{query}", server.address)).unwrap();
        Self(socket)
    }

    pub(super) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    pub(super) fn receive(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(_) => return Value::Null,
                _ => {}
            }
        }
    }

    pub(super) fn ask(&mut self, message: &Value) -> Value {
        self.send(&message.to_string());
        self.receive()
    }

    pub(super) fn reset(&mut self, data: &Value) -> Value {
        let answer = self.ask(&json!({ "type": "reset", "data": data }));
        assert_eq!(answer["type"], "observation", "{answer}");
        answer["data"].clone()
    }

    pub(super) fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let action = json!({ "type": "call_tool", "tool_name": name, "arguments": arguments });
        let answer = self.ask(&json!({ "type": "step", "data": action }));
        assert_eq!(answer["type"], "observation", "{answer}");
        answer["data"].clone()
    }
}

#[test]
fn an_episode_comes_to_its_reward() {
    let server = Server::start(&[]);
    let mut socket = Socket::open(&server, "");
    let none = socket.ask(&json!({ "type": "state" }));
    assert_eq!(none, json!({ "type": "state", "data": { "episode_id": null, "step_count": 0 } }));
    let first = socket.reset(&json!({ "instance_id": "demo__lru-1", "episode_id": "mine", "seed": 7 }));
    assert_eq!((&first["reward"], &first["done"]), (&Value::Null, &json!(false)));
    assert_eq!(first["observation"]["instance_id"], "demo__lru-1");
    assert_eq!(first["observation"]["messages"][0]["role"], "system");
    assert!(first["observation"]["prompt"].as_str().unwrap().contains("submit"));
    let listed = socket.ask(&json!({ "type": "step", "data": { "type": "list_tools" } }));
    let tools = &listed["data"]["observation"]["tools"];
    assert_eq!(tools[0]["name"], "bash");
    assert_eq!(tools[0]["input_schema"]["type"], "object");

    let shown = socket.call("bash", &json!({ "command": "echo one; exit 4" }));
    assert_eq!(shown["observation"]["tool_name"], "bash");
    assert!(shown["observation"]["result"].as_str().unwrap().contains("one"));
    assert_eq!((&shown["observation"]["error"], &shown["metadata"]["exit_code"]), (&Value::Null, &json!(4)));
    let unknown = socket.call("bahs", &json!({}));
    assert_eq!(unknown["observation"]["error"]["error_type"], "tool_not_found", "{unknown}");
    let refused = socket.call("bash", &json!({}));
    assert_eq!(refused["observation"]["error"]["error_type"], "execution_error", "{refused}");
    let state = socket.ask(&json!({ "type": "state" }));
    assert_eq!((&state["data"]["episode_id"], &state["data"]["step_count"]), (&json!("mine"), &json!(3)));

    socket.call("bash", &json!({ "command": gold_command("demo__lru-1") }));
    let last = socket.call("submit", &json!({}));
    assert_eq!((&last["reward"], &last["done"]), (&json!(1.0), &json!(true)), "{last}");
    assert_eq!(last["metadata"]["reward_components"]["resolved"], true);
    let over = socket.ask(&json!({ "type": "step", "data": { "type": "call_tool", "tool_name": "bash" } }));
    assert_eq!((&over["type"], &over["data"]["code"]), (&json!("error"), &json!("EXECUTION_ERROR")));

    // Another episode on the same connection; any instance where none is named.
    let next = socket.reset(&json!({}));
    assert_ne!(next["metadata"]["session_id"], "mine");
    let again = socket.ask(&json!({ "type": "reset", "data": { "instance_id": "demo__lru" } }));
    assert_eq!(again["data"]["code"], "VALIDATION_ERROR");
    assert!(again["data"]["message"].as_str().unwrap().contains("demo__lru-1"), "{again}");
    assert_eq!(socket.ask(&json!({ "type": "close" })), Value::Null);
}

#[test]
fn what_does_not_fit_is_answered_in_the_protocols_words_and_the_connection_goes_on() {
    let server = Server::start(&[]);
    let mut socket = Socket::open(&server, "");
    for (message, code) in [
        (r#"{"type": "reset", "data": {"#, "INVALID_JSON"),
        ("", "INVALID_JSON"),
        ("[1, 2]", "UNKNOWN_TYPE"),
        (r#"{"type": "jump"}"#, "UNKNOWN_TYPE"),
        (r#"{"type": "reset", "data": {"index": "one"}}"#, "VALIDATION_ERROR"),
        (r#"{"type": "reset", "data": {"index": 99}}"#, "VALIDATION_ERROR"),
        (r#"{"type": "reset", "data": {"episode_id": "not an id"}}"#, "VALIDATION_ERROR"),
        (r#"{"type": "step", "data": {"type": "list_tools"}}"#, "EXECUTION_ERROR"),
    ] {
        socket.send(message);
        let answer = socket.receive();
        assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!(code)), "{message}: {answer}");
        assert!(!answer["data"]["message"].as_str().unwrap().is_empty());
    }
    socket.reset(&json!({ "index": 0 }));
    for (action, code) in [
        (json!({}), "VALIDATION_ERROR"),
        (json!({ "type": "call_tool" }), "VALIDATION_ERROR"),
        (json!({ "type": "call_tool", "tool_name": "bash", "arguments": "ls" }), "VALIDATION_ERROR"),
        (json!({ "type": "call_tool", "tool_name": "bash", "reward": 1 }), "VALIDATION_ERROR"),
    ] {
        let answer = socket.ask(&json!({ "type": "step", "data": action }));
        assert_eq!(answer["data"]["code"], code, "{action}: {answer}");
    }
    let mut lost = Socket::open(&server, "?session_id=never");
    assert_eq!(lost.receive()["data"]["code"], "SESSION_ERROR");
}

#[test]
fn one_more_session_than_may_be_is_refused_until_one_ends() {
    let server = Server::start(&["--sessions", "2"]);
    let mut held: Vec<Socket> = (0..2).map(|_| Socket::open(&server, "")).collect();
    held.iter_mut().for_each(|socket| drop(socket.reset(&json!({}))));
    let mut third = Socket::open(&server, "");
    let full = third.ask(&json!({ "type": "reset", "data": {} }));
    assert_eq!(full["data"]["code"], "CAPACITY_REACHED", "{full}");
    assert_eq!((&full["data"]["active_sessions"], &full["data"]["max_sessions"]), (&json!(2), &json!(2)));
    let refused = server.of_session("x", "POST", "/create", &json!({ "split": "train", "index": 0 }));
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("x-backend-state: starting") && refused.head.contains("retry-after: "));
    // A connection that is lost ends its session.
    drop(held.pop());
    let begun = Instant::now();
    while third.ask(&json!({ "type": "reset", "data": {} }))["type"] == "error" {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn mcp_over_http_and_over_the_socket() {
    let server = Server::start(&[]);
    let mut number = 0;
    let mut ask = |method: &str, params: Value| {
        number += 1;
        let request = json!({ "jsonrpc": "2.0", "id": number, "method": method, "params": params });
        let answer = server.post("/mcp", &request).json();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(number)));
        answer
    };
    assert_eq!(ask("initialize", json!({}))["result"]["serverInfo"]["name"], "spotter");
    let tools = ask("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"][0]["inputSchema"]["type"], "object");
    for (method, params, code) in [
        ("tools/call", json!({ "name": "bash" }), -32602),
        ("tools/call", json!({ "name": "bash", "session_id": "never" }), -32602),
        ("tools/jump", json!({}), -32601),
        ("tools/list", json!([]), -32602),
        ("openenv/session/close", json!({}), -32602),
        ("openenv/session/create", json!({ "index": 99 }), -32602),
    ] {
        assert_eq!(ask(method, params)["error"]["code"], code, "{method}");
    }
    assert_eq!(server.post("/mcp", &json!({ "method": "tools/list" })).json()["error"]["code"], -32600);
    let broken = super::http::send(server.address, "POST", "/mcp", &[], "{\"json");
    assert_eq!(broken.json()["error"]["code"], -32700);
    let told = server.post("/mcp", &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!((told.status, told.body.as_str()), (202, ""));

    let created = ask("openenv/session/create", json!({ "instance_id": "demo__lru-1" }));
    let id = created["result"]["session_id"].as_str().unwrap().to_owned();
    let gold = json!({ "command": gold_command("demo__lru-1") });
    let called = ask("tools/call", json!({ "session_id": id, "name": "bash", "arguments": gold }));
    assert_eq!(called["result"]["isError"], false, "{called}");
    assert_eq!(called["result"]["_meta"]["done"], false);
    // The same session, attached to by a socket, and by the other protocol.
    let mut socket = Socket::open(&server, &format!("?session_id={id}"));
    let request = json!({ "jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": { "name": "submit" } });
    let answer = socket.ask(&json!({ "type": "mcp", "data": request }));
    assert_eq!(answer["type"], "mcp");
    assert_eq!(answer["data"]["result"]["_meta"]["reward"]["reward"], 1.0, "{answer}");
    drop(socket);
    let state = server.get(&format!("/state?session_id={id}")).json();
    assert_eq!((&state["status"], &state["reward"]), (&json!("ended"), &json!(1.0)));
    assert_eq!(ask("openenv/session/close", json!({ "session_id": id }))["result"]["closed"], true);
    assert_eq!(server.of_session(&id, "POST", "/ping", &Value::Null).status, 404);
}

#[test]
fn what_validators_ask_for() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/metadata").json()["name"], "demo");
    let schema = server.get("/schema").json();
    assert!(schema["action"]["oneOf"][0]["properties"]["tool_name"]["enum"].to_string().contains("submit"));
    for part in ["observation", "reset_observation", "state"] {
        assert_eq!(schema[part]["type"], "object");
    }
    let reset = server.post("/reset", &json!({ "seed": 1 })).json();
    assert_eq!((&reset["done"], &reset["reward"]), (&json!(false), &Value::Null));
    assert_eq!(server.post("/step", &json!({ "action": { "type": "list_tools" } })).status, 422);
    assert_eq!(server.get("/state").json(), json!({ "episode_id": null, "step_count": 0 }));
    let id = server.session("demo__lru-1");
    let step = server.post("/step", &json!({ "session_id": id, "action": { "type": "list_tools" } })).json();
    assert_eq!(step["observation"]["tools"][0]["name"], "bash");
}
