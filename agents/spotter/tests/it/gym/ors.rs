//! The Open Reward Standard: every message, and whole episodes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{open, receive, send};
use super::server::Server;

#[test]
fn what_there_is_is_listed_at_both_paths() {
    let server = Server::start(&["--split", "test"]);
    assert_eq!(server.get("/list_environments").json(), json!(["demo"]));
    for prefix in ["", "/demo", "/DEMO"] {
        let tools = server.get(&format!("{prefix}/tools")).json();
        let names: Vec<&str> =
            tools["tools"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["bash", "str_replace_editor", "submit", "think"]);
        for tool in tools["tools"].as_array().unwrap() {
            assert!(!tool["description"].as_str().unwrap().is_empty());
            assert_eq!(tool["input_schema"]["type"], "object");
            assert_eq!(tool.as_object().unwrap().len(), 3);
        }
        assert_eq!(server.get(&format!("{prefix}/splits")).json(), json!([{ "name": "test", "type": "test" }]));
        let ask = |path: &str, body: Value| server.post(&format!("{prefix}/{path}"), &body);
        assert_eq!(ask("num_tasks", json!({ "split": "test" })).json(), json!({ "num_tasks": 3 }));
        let tasks = ask("tasks", json!({ "split": "test" })).json();
        assert_eq!(tasks["env_name"], "demo");
        assert_eq!(tasks["tasks"].as_array().unwrap().len(), 3);
        assert!(!tasks.to_string().contains("PASS"), "{tasks}");
        let task = ask("task", json!({ "split": "test", "index": 1 })).json();
        assert_eq!(task, json!({ "task": tasks["tasks"][1], "env_name": "demo" }));
        let range = ask("task_range", json!({ "split": "test", "start": -2, "stop": null })).json();
        assert_eq!(range["tasks"], json!([tasks["tasks"][1], tasks["tasks"][2]]));
        for (path, body, status) in [
            ("task", json!({ "split": "test", "index": 3 }), 400),
            ("task", json!({ "split": "tset", "index": 0 }), 400),
            ("tasks", json!({}), 422),
            ("tasks", json!([]), 422),
        ] {
            let refused = ask(path, body);
            assert_eq!(refused.status, status, "{path}");
            assert!(refused.json()["detail"].is_string());
        }
    }
    assert_eq!(server.get("/other/tools").status, 404);
    assert_eq!(server.get("/nothing").status, 404);
    assert_eq!(server.get("/health").json(), json!({ "status": "healthy" }));
}

#[test]
fn an_episode_comes_to_its_reward() {
    let server = Server::start(&[]);
    let created = server.post("/create_session", &Value::Null);
    let (id, _) = created.events();
    assert_eq!(id.len(), 32);
    let body = json!({ "env_name": "demo", "split": "train", "index": 1 });
    assert_eq!(server.of_session(&id, "POST", "/create", &body).json(), json!({ "sid": id }));
    assert_eq!(server.of_session(&id, "POST", "/create", &body).status, 400);
    let prompt = server.of_session(&id, "GET", "/demo/prompt", &Value::Null).json();
    let blocks = prompt.as_array().unwrap();
    assert!(blocks.iter().all(|block| block["type"] == "text" && block.as_object().unwrap().len() == 2));
    let told: String = blocks.iter().map(|block| block["text"].as_str().unwrap()).collect();
    assert!(told.contains("submit") && !told.contains("`finish`"), "{told}");
    let messages = server.of_session(&id, "GET", "/messages", &Value::Null).json();
    assert_eq!(messages[0]["role"], "system");
    assert_eq!(messages[1]["role"], "user");
    assert_eq!(messages[1]["blocks"][0], blocks[1]);
    assert_eq!(server.of_session(&id, "GET", "/task_tools", &Value::Null).json(), server.get("/tools").json());
    assert_eq!(server.of_session(&id, "POST", "/ping", &Value::Null).json(), json!({ "status": "ok" }));

    let listed = server.call(&id, "bash", &json!({ "command": "git status --short; exit 3" }));
    let expected = json!({ "is_error": false, "exit_code": 3 });
    assert_eq!(listed["output"]["metadata"], expected, "{listed}");
    assert_eq!(listed["output"]["reward"], Value::Null);
    assert_eq!(listed["output"]["finished"], false);
    let unknown = server.call(&id, "bahs", &json!({}));
    assert_eq!((&unknown["ok"], &unknown["reason"]), (&json!(false), &json!("not_found")), "{unknown}");
    let misfit = server.call(&id, "bash", &json!([]));
    assert_eq!(misfit["reason"], "input_validation", "{misfit}");

    let instance = server.post("/task", &json!({ "split": "train", "index": 1 })).json();
    server.apply_gold(&id, instance["task"]["instance_id"].as_str().unwrap());
    let last = server.call(&id, "submit", &json!({}));
    let output = &last["output"];
    assert_eq!((&output["reward"], &output["finished"]), (&json!(1.0), &json!(true)), "{last}");
    assert_eq!(output["metadata"]["mask_sample"], false);
    let components = &output["metadata"]["reward_components"];
    assert_eq!(components["base"], "resolved");
    assert_eq!(components["exit_status"], "submitted");
    assert_eq!(components["fail_to_pass"][0], components["fail_to_pass"][1]);

    let over = server.call(&id, "bash", &json!({ "command": "true" }));
    assert_eq!(over["reason"], "episode_finished");
    assert_eq!(server.of_session(&id, "POST", "/delete", &Value::Null).json(), json!({ "sid": id }));
    assert_eq!(server.of_session(&id, "POST", "/delete_session", &Value::Null).json(), json!({ "sid": id }));
    assert_eq!(server.of_session(&id, "POST", "/ping", &Value::Null).status, 404);
    assert_eq!(server.of_session(&id, "POST", "/call", &json!({ "name": "bash", "input": {} })).status, 410);
    assert_eq!(server.of_session("never", "GET", "/prompt", &Value::Null).status, 404);
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("spotter_gym_ended_total{kind=\"session\",result=\"resolved\"} 1"), "{metrics}");
    assert!(metrics.contains("spotter_gym_live 0"), "{metrics}");
}

#[test]
fn what_is_not_solved_is_worth_nothing_and_a_limit_is_judged() {
    let server = Server::start(&["-c", "limits.steps=2", "--limit-penalty", "0.25"]);
    let id = server.session("demo__lru-1");
    let empty = server.call(&id, "submit", &json!({}));
    assert_eq!(empty["output"]["reward"], 0.0, "{empty}");
    assert_eq!(empty["output"]["metadata"]["reward_components"]["failure"], "empty_patch");

    // The work of the last step that a limit allows counts.
    let id = server.session("demo__lru-1");
    server.call(&id, "think", &json!({ "thought": "…" }));
    let command = super::server::gold_command("demo__lru-1");
    let last = server.call(&id, "bash", &json!({ "command": command }));
    assert_eq!(last["output"]["finished"], true, "{last}");
    assert_eq!(last["output"]["reward"], 0.75, "{last}");
    let components = &last["output"]["metadata"]["reward_components"];
    assert_eq!((&components["value"], &components["limit_penalty"]), (&json!(1.0), &json!(0.25)));
    assert_eq!(components["exit_status"], "limit_steps");

    let server = Server::start(&["-c", "limits.time=2"]);
    let id = server.session("demo__lru-1");
    let slow = server.call(&id, "bash", &json!({ "command": "sleep 60" }));
    assert_eq!(slow["output"]["finished"], true, "{slow}");
    assert_eq!(slow["output"]["reward"], 0.0, "{slow}");
    assert_eq!(slow["output"]["metadata"]["reward_components"]["exit_status"], "limit_time");
}

#[test]
fn a_stream_that_is_lost_is_taken_up_again_and_the_call_is_run_once() {
    let server = Server::start(&[]);
    let id = server.session("demo__lru-1");
    let call = json!({ "name": "bash", "input": { "command": "sleep 1; echo run >>../runs; head -c 9000 /dev/zero | tr '\\0' ' '; echo x" } });
    let body = call.to_string();
    let mut lost = open(server.address, "POST", "/call", &[("X-Session-ID", &id)], body.len());
    std::io::Write::write_all(&mut lost, body.as_bytes()).unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0; 64];
    while !String::from_utf8_lossy(&seen).contains("data: ") || seen.last() != Some(&b'\n') {
        let count = std::io::Read::read(&mut lost, &mut bytes).unwrap();
        seen.extend_from_slice(&bytes[..count]);
    }
    let text = String::from_utf8_lossy(&seen).into_owned();
    let task = text.split("data: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    drop(lost);
    let mut again = call.clone();
    again["task_id"] = json!(task);
    for _ in 0..2 {
        let answered = server.of_session(&id, "POST", "/call", &again);
        let (same, answer) = answered.events();
        assert_eq!(same, task);
        let text = answer["output"]["blocks"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains(&" ".repeat(9000)), "spaces are lost: {} bytes", text.len());
    }
    let runs = server.call(&id, "bash", &json!({ "command": "cat ../runs; rm ../runs" }));
    let text = runs["output"]["blocks"][0]["text"].as_str().unwrap();
    assert_eq!(text.matches("run").count(), 1, "{text}");
    let unknown = server.of_session(&id, "POST", "/call", &json!({ "name": "bash", "input": {}, "task_id": "none" }));
    assert!(unknown.body.contains("event: error"), "{}", unknown.body);
}

#[test]
fn a_session_that_is_left_alone_is_judged_or_dropped_as_set() {
    for (abandoned, result) in [("judge", "resolved"), ("drop", "infrastructure")] {
        let server = Server::start(&["--idle", "3", "--abandoned", abandoned]);
        let id = server.session("demo__lru-1");
        server.apply_gold(&id, "demo__lru-1");
        let expected = format!("ended_total{{kind=\"session\",result=\"{result}\"}} 1");
        let begun = Instant::now();
        while !server.get("/metrics").body.contains(&expected) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", server.get("/metrics").body);
            std::thread::sleep(Duration::from_millis(50));
        }
        let gone = server.of_session(&id, "GET", "/prompt", &Value::Null);
        assert_eq!(gone.status, 410, "{}", gone.body);
    }
}

#[test]
fn whoever_has_no_token_and_whoever_comes_by_another_name_is_refused() {
    let server = Server::start(&["--token", "s3cret-token"]);
    let ask = |headers: &[(&str, &str)], path: &str| send(server.address, "GET", path, headers, "").status;
    assert_eq!(ask(&[], "/health"), 200);
    for path in ["/list_environments", "/tools", "/metrics", "/ws", "/metadata"] {
        assert_eq!(ask(&[], path), 401, "{path}");
        assert_eq!(ask(&[("Authorization", "Bearer wrong")], path), 401, "{path}");
    }
    assert_eq!(ask(&[("Authorization", "Bearer s3cret-token"), ("Host", "gym.example")], "/tools"), 200);
    assert_eq!(ask(&[("X-API-Key", "s3cret-token")], "/tools"), 200);

    let open_server = Server::start(&[]);
    for (headers, status) in [
        (&[("Host", "localhost:1")][..], 200),
        (&[("Host", "evil.example")], 403),
        (&[("Host", "localhost"), ("Origin", "http://evil.example")], 403),
        (&[("Host", "localhost"), ("Origin", "http://localhost:3000")], 200),
    ] {
        assert_eq!(send(open_server.address, "GET", "/tools", headers, "").status, status, "{headers:?}");
    }
    let program = crate::program::Program::new();
    let refused = program.run(&["gym", "--dataset", "demo", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("SPOTTER_GYM_TOKEN"), "{}", refused.stderr);
}

#[test]
fn an_answer_that_waits_is_had_by_whoever_asks_twice_at_once() {
    let server = Server::start(&[]);
    let id = server.session("demo__tables-1");
    let body = json!({ "name": "bash", "input": { "command": "echo -n x >>../order; cat ../order" } }).to_string();
    let mut both: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = open(server.address, "POST", "/call", &[("X-Session-ID", &id)], body.len());
            std::io::Write::write_all(&mut stream, body.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut shown: Vec<String> = both
        .iter_mut()
        .map(|stream| receive(stream).events().1["output"]["blocks"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    shown.sort_by_key(String::len);
    assert!(shown[1].len() == shown[0].len() + 1, "{shown:?}");
}
