//! Rollouts, rows of NeMo, and the calls of foreign agents: what comes out is what the model's server sent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::Server;
use super::tokens::{Model, Script, Sent};

const SCRIPT: Script = Script { turns: 50, sends_tokens: true, refuses: Some(10), millis: 0 };

/// Returns what calls say that the server sent.
fn sent_by(calls: &Value) -> Vec<Sent> {
    let ids = |value: &Value| serde_json::from_value::<Vec<u64>>(value.clone()).unwrap();
    let of = |call: &Value| Sent {
        prompt: ids(&call["prompt_token_ids"]),
        completion: ids(&call["completion_token_ids"]),
        logprobs: serde_json::from_value(call["logprobs"].clone()).unwrap(),
    };
    calls.as_array().unwrap().iter().map(of).collect()
}

fn asked(model: &Model, id: &str) -> Value {
    json!({
        "rollout_id": id,
        "instance_id": "demo__lru-1",
        "model": { "name": "policy", "base_url": model.base_url(), "temperature": 1.0 },
        "limits": { "stuck": false },
    })
}

/// Checks all forms of the record of a whole rollout against what was sent.
fn check(answer: &Value, sent: &[Sent]) {
    assert_eq!(answer["infrastructure"], Value::Null, "{}", answer["infrastructure"]);
    let calls = answer["calls"].as_array().unwrap();
    assert_eq!(sent_by(&answer["calls"]), sent);
    assert_eq!(answer["segments"], 1);
    let ids: std::collections::BTreeSet<_> = calls.iter().map(|call| call["call_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), calls.len());
    for (number, (call, sent)) in calls.iter().zip(sent).enumerate() {
        let mask: Vec<u64> = serde_json::from_value(call["loss_mask"].clone()).unwrap();
        let expected = [vec![0; sent.prompt.len()], vec![1; sent.completion.len()]].concat();
        assert_eq!(mask, expected, "call {number}");
        assert_eq!(call["weight_version"], json!(format!("v{}", number / 10)));
        assert_eq!(call["continues"], if number == 0 { Value::Null } else { json!(true) }, "call {number}");
        assert_eq!((&call["finish_reason"], &call["lacks"]), (&json!("tool_calls"), &json!([])));
    }
    let details = answer["rollout_details"].as_array().unwrap();
    assert_eq!(details.len(), 1);
    for (key, of) in [
        ("prompt_token_ids", "prompt_token_ids"),
        ("completion_token_ids", "completion_token_ids"),
        ("logprobs", "logprobs"),
    ] {
        let expected: Vec<&Value> = calls.iter().map(|call| &call[of]).collect();
        assert_eq!(details[0][key], json!(expected));
    }
    assert_eq!(answer["training_trace"]["turns"].as_array().unwrap().len(), sent.len());
    let trajectory = &answer["trajectory"];
    assert_eq!(trajectory["schema_version"], "ATIF-v1.8");
    let of_agent: Vec<&Value> =
        trajectory["steps"].as_array().unwrap().iter().filter(|step| step["source"] == "agent").collect();
    assert_eq!(of_agent.len(), sent.len());
    for (step, sent) in of_agent.iter().zip(sent) {
        assert_eq!(step["metrics"]["prompt_token_ids"], json!(sent.prompt));
        assert_eq!(step["metrics"]["completion_token_ids"], json!(sent.completion));
        assert_eq!(step["metrics"]["logprobs"], json!(sent.logprobs));
    }
}

#[test]
fn fifty_turns_with_a_retry_come_out_as_they_were_sent_and_are_not_run_twice() {
    let model = Model::start(SCRIPT);
    let server = Server::start(&["-c", "model.retry.base=0.01"]);
    let answer = server.post("/rollout", &asked(&model, "first")).json();
    let sent = model.sent();
    assert_eq!(sent.len(), 50);
    check(&answer, &sent);
    assert_eq!((&answer["reward"], &answer["mask_sample"]), (&json!(0.0), &json!(false)));
    assert_eq!(answer["reward_components"]["failure"], "empty_patch");
    assert_eq!(answer["agent"], "codeact");
    // Asked for again it is answered as before, also by a server that was started anew.
    let again = server.post("/rollout", &asked(&model, "first")).json();
    assert_eq!(again["calls"], answer["calls"]);
    let mut server = server;
    server.kill_and_start();
    let again = server.post("/rollout", &asked(&model, "first")).json();
    assert_eq!((&again["calls"], &again["reward"]), (&answer["calls"], &answer["reward"]));
    assert_eq!(model.sent().len(), 50);
    let mut other = asked(&model, "first");
    other["model"]["temperature"] = json!(0.5);
    assert_eq!(server.post("/rollout", &other).status, 409);
}

#[test]
fn a_rollout_goes_on_where_its_server_was_killed() {
    let model = Model::start(Script { millis: 20, refuses: None, ..SCRIPT });
    let mut server = Server::start(&[]);
    let address = server.address;
    let body = asked(&model, "killed").to_string();
    let lost = std::thread::spawn(move || {
        let mut stream = super::http::open(address, "POST", "/rollout", &[], body.len());
        std::io::Write::write_all(&mut stream, body.as_bytes()).unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0]);
    });
    let begun = Instant::now();
    while model.sent().len() < 20 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    server.kill_and_start();
    lost.join().unwrap();
    let answer = server.post("/rollout", &asked(&model, "killed")).json();
    // The answer that was under way when it was killed was asked for once more, and is the one that counts.
    let sent = model.sent();
    assert!(sent.len() <= 51, "{} answers", sent.len());
    let mut last: Vec<Sent> = Vec::new();
    for one in sent {
        last.retain(|other| other.completion != one.completion);
        last.push(one);
    }
    assert_eq!(last.len(), 50);
    let calls = sent_by(&answer["calls"]);
    assert_eq!(calls.len(), 50);
    let completions = |sent: &[Sent]| sent.iter().map(|one| one.completion.clone()).collect::<Vec<_>>();
    assert_eq!(completions(&calls), completions(&last));
    assert_eq!(answer["infrastructure"], Value::Null);
}

#[test]
fn a_server_without_tokens_is_said_to_lack_them() {
    let model = Model::start(Script { turns: 3, sends_tokens: false, refuses: None, millis: 0 });
    let server = Server::start(&[]);
    let answer = server.post("/rollout", &asked(&model, "none")).json();
    let calls = answer["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert_eq!(call["lacks"], json!(["prompt_token_ids", "completion_token_ids", "logprobs"]));
        assert_eq!((&call["loss_mask"], &call["prompt_token_ids"]), (&Value::Null, &Value::Null));
    }
    assert_eq!((&answer["rollout_details"], &answer["training_trace"]["turns"]), (&json!([]), &json!([])));
    assert_eq!(answer["reward"], 0.0);
}

#[test]
fn an_endpoint_that_fails_is_infrastructure_and_has_no_reward() {
    let server = Server::start(&["-c", "model.retry.max_elapsed=0"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let model = json!({ "name": "policy", "base_url": format!("http://{address}/v1") });
    let answer = server.post("/rollout", &json!({ "index": 0, "model": model })).json();
    assert_eq!((&answer["reward"], &answer["mask_sample"]), (&Value::Null, &json!(true)), "{answer}");
    assert!(answer["infrastructure"].as_str().unwrap().contains("model"), "{answer}");
    let row = json!({
        "responses_create_params": { "input": [], "model": "policy" },
        "instance_id": "demo__lru-1",
        "spotter": { "model": model },
        "kept": 7,
    });
    let answer = server.post("/run", &row).json();
    assert_eq!((&answer["reward"], &answer["mask_sample"], &answer["kept"]), (&json!(0.0), &json!(true), &json!(7)));
}

#[test]
fn what_a_request_may_not_set_is_refused() {
    let server = Server::start(&[]);
    for body in [
        json!({ "index": 0, "model": { "path": "/etc/passwd" } }),
        json!({ "index": 0, "model": { "record": "/tmp/x" } }),
        json!({ "index": 0, "model": { "api_key_env": "HOME" } }),
        json!({ "index": 0, "model": { "name": 7 } }),
        json!({ "index": 0, "limits": { "stpes": 3 } }),
        json!({ "index": 0, "limits": { "x.y": 3 } }),
        json!({ "index": 0, "agent": "codeakt" }),
        json!({ "instance_id": "demo__lru-1", "unknown": 1 }),
        json!({ "rollout_id": "../../x", "index": 0 }),
    ] {
        let refused = server.post("/rollout", &body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        assert!(!refused.json()["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(server.post("/rollout", &json!({ "index": 99 })).status, 400);
}

#[test]
fn a_row_of_nemo_is_answered_with_its_tokens() {
    let model = Model::start(Script { turns: 4, refuses: None, ..SCRIPT });
    let server = Server::start(&[]);
    let row = json!({
        "responses_create_params": { "input": [{ "role": "user", "content": "…" }], "model": "policy", "temperature": 0.7 },
        "verifier_metadata": { "instance_id": "demo__lru-1" },
        "spotter": { "instance_id": "demo__lru-1", "model": { "base_url": model.base_url() } },
    });
    let answer = server.post("/run", &row).json();
    assert_eq!(answer["responses_create_params"], row["responses_create_params"]);
    assert_eq!((&answer["reward"], &answer["mask_sample"]), (&json!(0.0), &json!(false)), "{answer}");
    assert_eq!(model.asked()[0]["temperature"], 0.7);
    let output = answer["response"]["output"].as_array().unwrap();
    let trained: Vec<&Value> = output.iter().filter(|item| item["generation_token_ids"].is_array()).collect();
    let sent = model.sent();
    assert_eq!(trained.len(), sent.len());
    for (item, sent) in trained.iter().zip(&sent) {
        assert_eq!(item["type"], "function_call");
        assert_eq!(item["prompt_token_ids"], json!(sent.prompt));
        assert_eq!(item["generation_token_ids"], json!(sent.completion));
        assert_eq!(item["generation_log_probs"], json!(sent.logprobs));
    }
    let of = |kind: &str| output.iter().filter(|item| item["type"] == kind).count();
    assert_eq!((of("message"), of("function_call"), of("function_call_output")), (4, 5, 5));
}

#[test]
fn the_calls_of_a_foreign_agent_are_handed_on_and_kept() {
    let model = Model::start(Script { turns: 9, refuses: None, ..SCRIPT });
    let base_url = format!("model.base_url={}", model.base_url());
    let server = Server::start(&["--model", "policy", "-c", &base_url]);
    let id = server.session("demo__lru-1");
    let path = format!("/sessions/{id}/v1/chat/completions");
    let mut messages = vec![json!({ "role": "user", "content": "Solve it." })];
    for turn in 0..4 {
        let asked = json!({ "model": "any", "messages": messages, "stream": turn == 2, "top_p": 0.9 });
        let answered = server.post(&path, &asked);
        assert_eq!(answered.status, 200, "{}", answered.body);
        let message = if turn == 2 {
            let pieces: Vec<&str> = answered.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            assert_eq!(pieces.last(), Some(&"[DONE]"));
            let first: Value = serde_json::from_str(pieces[0]).unwrap();
            assert_eq!(first["choices"][0]["delta"]["tool_calls"][0]["index"], 0);
            let mut message = first["choices"][0]["delta"].clone();
            message["tool_calls"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(|call| drop(call.as_object_mut().unwrap().remove("index")));
            message
        } else {
            answered.json()["choices"][0]["message"].clone()
        };
        messages.push(message.clone());
        for call in message["tool_calls"].as_array().unwrap() {
            messages.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "shown" }));
        }
    }
    // Another conversation of the same agent.
    let aside = json!({ "messages": [{ "role": "user", "content": "Say a title." }] });
    assert_eq!(server.post(&path, &aside).status, 200);
    assert_eq!(server.post(&path, &json!({ "messages": "none" })).status, 422);
    let kept = server.get(&format!("/sessions/{id}/calls")).json();
    assert_eq!(sent_by(&kept["calls"]), model.sent());
    assert_eq!(kept["segments"], 2);
    assert_eq!(kept["rollout_details"].as_array().unwrap().len(), 2);
    assert_eq!(model.asked()[0]["model"], "policy");
    assert_eq!(model.asked()[0]["top_p"], 0.9);
    assert_eq!(server.get("/sessions/never/calls").status, 404);

    let without = Server::start(&[]);
    let refused = without.post("/sessions/x/v1/chat/completions", &aside);
    assert_eq!(refused.status, 503, "{}", refused.body);
}
