//! A server of a model that sends the tokens of what it is asked and what it answers, by a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What one answer was sent with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) prompt: Vec<u64>,
    pub(super) completion: Vec<u64>,
    pub(super) logprobs: Vec<f64>,
}

/// How a model's server behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    /// How many answers there are; the last one hands the work in.
    pub(super) turns: usize,
    /// Whether tokens and log probabilities are sent.
    pub(super) sends_tokens: bool,
    /// The turn that is refused at first, as by a server that has too much to do.
    pub(super) refuses: Option<usize>,
    /// How long an answer takes.
    pub(super) millis: u64,
}

/// The server.
pub(super) struct Model {
    pub(super) address: SocketAddr,
    sent: Arc<Mutex<Vec<Sent>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    pub(super) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sent, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (to_sent, to_asked, refused) = (sent.clone(), asked.clone(), Arc::new(Mutex::new(false)));
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (sent, asked, refused) = (to_sent.clone(), to_asked.clone(), refused.clone());
                std::thread::spawn(move || answer(stream, script, &sent, &asked, &refused));
            }
        });
        Self { address, sent, asked }
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns what each answer was sent with, in order.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Returns what was asked, in order.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    stream: TcpStream,
    script: Script,
    sent: &Mutex<Vec<Sent>>,
    asked: &Mutex<Vec<Value>>,
    refused: &Mutex<bool>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: Value = serde_json::from_slice(&body).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(script.millis));
    let turn = request["messages"].as_array().unwrap().iter().filter(|one| one["role"] == "assistant").count();
    if script.refuses == Some(turn) && !std::mem::replace(&mut *refused.lock().unwrap(), true) {
        return write(stream, "503 Service Unavailable", &json!({ "error": { "message": "overloaded" } }));
    }
    asked.lock().unwrap().push(request.clone());
    let mut sent = sent.lock().unwrap();
    let before = sent.last().filter(|_| turn > 0).cloned();
    let prompt: Vec<u64> = match before {
        // The conversation grows by what was said and by what was shown.
        Some(Sent { prompt, completion, .. }) => {
            prompt.into_iter().chain(completion).chain([900 + turn as u64, 901]).collect()
        }
        None => (0..20).collect(),
    };
    let completion: Vec<u64> = (0..3 + turn as u64 % 5).map(|at| 10_000 + turn as u64 * 10 + at).collect();
    let logprobs: Vec<f64> = completion.iter().map(|id| -(*id as f64) / 7777.0).collect();
    let answer = body_of(&script, turn, &request, (&prompt, &completion, &logprobs));
    sent.push(Sent { prompt, completion, logprobs });
    drop(sent);
    write(stream, "200 OK", &answer);
}

fn body_of(
    script: &Script,
    turn: usize,
    request: &Value,
    (prompt, completion, logprobs): (&[u64], &[u64], &[f64]),
) -> Value {
    let call = |number: usize, name: &str, arguments: Value| {
        json!({
            "id": format!("call_{turn}_{number}"),
            "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() },
        })
    };
    // Every third answer has two calls.
    let calls = match turn {
        turn if turn + 1 >= script.turns => vec![call(0, "finish", json!({}))],
        turn if turn % 3 == 0 => vec![
            call(0, "bash", json!({ "command": format!("echo one {turn}") })),
            call(1, "bash", json!({ "command": format!("echo two {turn}") })),
        ],
        turn => vec![call(0, "bash", json!({ "command": format!("echo {turn}") }))],
    };
    let mut choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": format!("Turn {turn}."), "tool_calls": calls },
        "finish_reason": "tool_calls",
    });
    let mut answer = json!({
        "id": format!("answer-{turn}"),
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "usage": {
            "prompt_tokens": prompt.len(), "completion_tokens": completion.len(),
            "total_tokens": prompt.len() + completion.len(),
        },
    });
    if script.sends_tokens {
        assert_eq!((&request["return_token_ids"], &request["logprobs"]), (&json!(true), &json!(true)));
        answer["prompt_token_ids"] = json!(prompt);
        choice["token_ids"] = json!(completion);
        let listed = completion.iter().zip(logprobs);
        let listed = listed.map(|(id, logprob)| json!({ "token": format!("token_id:{id}"), "logprob": logprob }));
        choice["logprobs"] = json!({ "content": listed.collect::<Vec<_>>() });
        choice["meta_info"] = json!({ "weight_version": format!("v{}", turn / 10) });
    }
    answer["choices"] = json!([choice]);
    answer
}

fn write(mut stream: TcpStream, status: &str, body: &Value) {
    let body = body.to_string();
    // Whoever asked may have been killed.
    let _ = stream.write_all(
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}
