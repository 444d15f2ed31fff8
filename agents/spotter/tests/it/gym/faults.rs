//! What goes wrong on the way: nothing is left running, and whoever asks is told.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::http::{open, send};
use super::openenv::Socket;
use super::server::Server;
use super::tokens::{Model, Script};

/// Returns the processes of this machine whose command line has this word.
fn running(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not so: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns how many folders of local sandboxes name a process as their owner.
fn sandboxes_of(process: u32) -> usize {
    let word = process.to_string();
    let is_of = |path: &Path| {
        let owner = std::fs::read_to_string(path.join("owner")).unwrap_or_default();
        owner.split(|c: char| !c.is_ascii_digit()).any(|number| number == word)
    };
    std::fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok).filter(|entry| is_of(&entry.path())).count()
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_call_leaves_nothing_running() {
    let server = Server::start(&["--warm", "0"]);
    let word = format!("314{}", server.id());
    let mut socket = Socket::open(&server, "");
    socket.reset(&json!({ "instance_id": "demo__lru-1" }));
    let action =
        json!({ "type": "call_tool", "tool_name": "bash", "arguments": { "command": format!("sleep {word}; true") } });
    socket.send(&json!({ "type": "step", "data": action }).to_string());
    wait_until("the command runs", || !running(&format!("sleep {word}")).is_empty());
    drop(socket);
    // Its own limit on time is far away.
    wait_until("the command is gone", || running(&format!("sleep {word}")).is_empty());
    wait_until("the session has ended", || server.get("/metrics").body.contains("spotter_gym_live 0"));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("ended_total{kind=\"session\",result=\"unresolved\"} 1"), "{metrics}");
}

#[test]
fn half_a_request_and_ten_megabytes_of_arguments() {
    let server = Server::start(&[]);
    let id = server.session("demo__lru-1");
    // Half a request, and then nothing: the others are served.
    let mut half = open(server.address, "POST", "/call", &[("X-Session-ID", &id)], 1000);
    half.write_all(b"{\"name\": \"ba").unwrap();
    assert_eq!(server.call(&id, "think", &json!({ "thought": "x" }))["ok"], true);
    drop(half);
    let broken = send(server.address, "POST", "/call", &[("X-Session-ID", &id)], "{\"name\": \"ba");
    assert_eq!(broken.status, 422, "{}", broken.body);

    let large = "x".repeat(10 << 20);
    let thought = server.call(&id, "think", &json!({ "thought": large }));
    assert_eq!(thought["ok"], true, "{}", &thought.to_string()[..200]);
    let command = server.call(&id, "bash", &json!({ "command": format!("true {large}") }));
    assert_eq!(command["output"]["finished"], false, "{}", &command.to_string()[..200]);
    let mut socket = Socket::open(&server, "");
    socket.reset(&json!({ "index": 0 }));
    let shown = socket.call("think", &json!({ "thought": large }));
    assert_eq!(shown["done"], false);

    let refused = send(server.address, "POST", "/call", &[("X-Session-ID", &id)], &"x".repeat(33 << 20));
    assert_eq!(refused.status, 413, "{}", refused.body);
    assert!(refused.json()["detail"].is_string());
    assert_eq!(server.call(&id, "submit", &json!({}))["output"]["finished"], true);
}

#[test]
fn a_flood_of_sessions_is_bounded_and_all_that_were_let_in_come_to_their_end() {
    let server = Server::start(&["--sessions", "8"]);
    let (let_in, refused) = std::thread::scope(|scope| {
        let server = &server;
        let asked: Vec<_> = (0..64)
            .map(|number| {
                scope.spawn(move || {
                    let id = format!("flood-{number}");
                    let body = json!({ "split": "train", "index": number % 3 });
                    (server.of_session(&id, "POST", "/create", &body).status, id)
                })
            })
            .collect();
        let answers: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        let of = |wanted: u16| {
            let these = answers.iter().filter(move |(status, _)| *status == wanted);
            these.map(|(_, id)| id.clone()).collect::<Vec<String>>()
        };
        assert_eq!(of(200).len() + of(503).len(), 64, "{answers:?}");
        (of(200), of(503))
    });
    assert!(let_in.len() >= 8 && !refused.is_empty(), "{} of 64", let_in.len());
    for id in &let_in {
        let last = server.call(id, "submit", &json!({}));
        assert_eq!(last["output"]["reward"], 0.0, "{id}: {last}");
    }
    wait_until("all have ended", || server.get("/metrics").body.contains("spotter_gym_live 0"));
}

#[test]
fn after_a_kill_nothing_is_left_running_and_lost_sessions_are_told_of() {
    let mut server = Server::start(&[]);
    let word = format!("271{}", server.id());
    let id = server.session("demo__lru-1");
    let body = json!({ "name": "bash", "input": { "command": format!("sleep {word}; true") } }).to_string();
    let mut lost = open(server.address, "POST", "/call", &[("X-Session-ID", &id)], body.len());
    lost.write_all(body.as_bytes()).unwrap();
    wait_until("the command runs", || !running(&format!("sleep {word}")).is_empty());
    let killed = server.id();
    assert!(sandboxes_of(killed) > 0);
    server.kill_and_start();
    wait_until("the command is gone", || running(&format!("sleep {word}")).is_empty());
    assert_eq!(sandboxes_of(killed), 0);
    for (method, path, body) in [
        ("GET", "/prompt", Value::Null),
        ("POST", "/call", json!({ "name": "bash", "input": {} })),
        ("POST", "/create", json!({ "split": "train", "index": 0 })),
    ] {
        let gone = server.of_session(&id, method, path, &body);
        let expected = if path == "/create" { 400 } else { 410 };
        assert_eq!(gone.status, expected, "{path}: {}", gone.body);
        assert!(path == "/create" || gone.body.contains("server that has stopped"), "{}", gone.body);
    }
    let id = format!("{id}-again");
    let created = server.of_session(&id, "POST", "/create", &json!({ "task_spec": { "instance_id": "demo__lru-1" } }));
    assert_eq!(created.status, 200, "{}", created.body);
    server.apply_gold(&id, "demo__lru-1");
    assert_eq!(server.call(&id, "submit", &json!({}))["output"]["reward"], 1.0);
}

#[test]
fn an_interrupt_ends_the_server_with_what_is_under_way_and_a_second_one_at_once() {
    let mut server = Server::start(&[]);
    let id = server.session("demo__lru-1");
    server.interrupt();
    wait_until("it drains", || server.said().contains("no new work is started"));
    let refused = server.of_session("x", "POST", "/create", &json!({ "split": "train", "index": 0 }));
    assert_eq!(refused.status, 503, "{}", refused.body);
    server.apply_gold(&id, "demo__lru-1");
    assert_eq!(server.call(&id, "submit", &json!({}))["output"]["reward"], 1.0);
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0), "{}", server.said());

    // Whoever stops services sends another signal, and waits as well.
    let model = Model::start(Script { turns: 9, sends_tokens: true, refuses: None, millis: 3000 });
    let base_url = format!("model.base_url={}", model.base_url());
    let mut server = Server::start(&["--model", "policy", "-c", &base_url]);
    let asked = json!({ "messages": [{ "role": "user", "content": "Solve it." }] });
    let (address, body) = (server.address, asked.to_string());
    let path = "/sessions/elsewhere/v1/chat/completions";
    let under_way = std::thread::spawn(move || send(address, "POST", path, &[], &body));
    std::thread::sleep(Duration::from_millis(500));
    server.signal(Signal::TERM);
    wait_until("it drains", || server.said().contains("no new work is started"));
    let refused = server.post(path, &asked);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("the server is ending"), "{}", refused.body);
    assert_eq!(under_way.join().unwrap().status, 200);
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0), "{}", server.said());

    let mut server = Server::start(&[]);
    let id = server.session("demo__lru-1");
    let word = format!("161{}", server.id());
    let body = json!({ "name": "bash", "input": { "command": format!("sleep {word}; true") } }).to_string();
    let mut lost = open(server.address, "POST", "/call", &[("X-Session-ID", &id)], body.len());
    lost.write_all(body.as_bytes()).unwrap();
    wait_until("the command runs", || !running(&format!("sleep {word}")).is_empty());
    server.interrupt();
    std::thread::sleep(Duration::from_millis(300));
    server.interrupt();
    assert_eq!(server.wait(Duration::from_secs(30)), Some(1), "{}", server.said());
    wait_until("the command is gone", || running(&format!("sleep {word}")).is_empty());
}
