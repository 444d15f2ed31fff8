//! What a request costs on its way through the gateway, beside a bare HTTP client.
//!
//! `cargo bench -p llm --bench gateway`
//!
//! A server in a thread of its own answers at once. The bare client builds and reads the same JSON. Rounds of each kind
//! follow in turns, as a machine is not equally fast all the time; the figures are medians of rounds, CPU time is that of
//! the whole process, the server's included, of which every kind has the same share.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its figures")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::{Message, Model, Request};
use llm::{BudgetLimits, Gateways, ModelConfig, Prices, RateConfig};
use prompts::Prompts;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ROUNDS: usize = 5;
const REQUESTS: usize = 640;
const IN_FLIGHT: usize = 64;
/// Characters of the conversation, as of an episode in its middle.
const CONVERSATION: usize = 20_000;

fn main() {
    let url = server();
    let folder = tempfile::tempdir_in(".").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let none = RateConfig::default();
        let high = RateConfig { rpm: Some(1_000_000_000), tpm: Some(1_000_000_000_000), max_parallel_requests: None };
        let budget = BudgetLimits { cost: Some(1e9), tokens: None };
        let gateway = |rate, budget, folder: Option<&std::path::Path>| {
            let base_url = Some(format!("{url}/v1"));
            let config = ModelConfig { name: Some("gpt-4o".to_owned()), base_url, rate, ..ModelConfig::default() };
            let gateways = Gateways::new(folder.map(|folder| folder.to_owned()), budget).unwrap();
            let prompts = Prompts::new(BTreeMap::new()).unwrap();
            let gateway = gateways.connect_in(&config, &Prices::new(None).unwrap(), &prompts, |_| None).unwrap();
            Kind::Model(gateway.model("instance"))
        };
        let kinds = [
            ("bare client", Kind::Bare(format!("{url}/v1/chat/completions"), client())),
            ("gateway, no limits", gateway(none, BudgetLimits::default(), None)),
            ("gateway, limits and budget", gateway(high, budget, None)),
            ("gateway, both over a folder", gateway(high, budget, Some(folder.path()))),
        ];
        let mut rounds: Vec<Vec<(Duration, Duration)>> = vec![Vec::new(); kinds.len()];
        for round in 0..=ROUNDS {
            for ((_, kind), rounds) in kinds.iter().zip(&mut rounds) {
                let timed = timed(kind).await;
                // The first one opens connections.
                if round > 0 {
                    rounds.push(timed);
                }
            }
        }
        for ((name, _), rounds) in kinds.iter().zip(&rounds) {
            let wall = median(rounds.iter().map(|(wall, _)| *wall).collect());
            let cpu = median(rounds.iter().map(|(_, cpu)| *cpu).collect());
            let each = cpu.as_secs_f64() * 1e6 / REQUESTS as f64;
            println!("{name:28} {:7.0} requests/s {each:7.0} µs of CPU each", REQUESTS as f64 / wall.as_secs_f64());
        }
    });
}

enum Kind {
    Bare(String, reqwest::Client),
    Model(Arc<dyn Model>),
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// Returns what a round takes, and how much CPU time.
async fn timed(kind: &Kind) -> (Duration, Duration) {
    let (started, used) = (Instant::now(), cpu());
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        match kind {
            Kind::Bare(url, client) => {
                let (url, client) = (url.clone(), client.clone());
                set.spawn(async move {
                    for _ in 0..REQUESTS / IN_FLIGHT {
                        ask(&client, &url).await;
                    }
                });
            }
            Kind::Model(model) => {
                let model = model.clone();
                set.spawn(async move {
                    for _ in 0..REQUESTS / IN_FLIGHT {
                        model.complete(&request()).await.unwrap();
                    }
                });
            }
        }
    }
    set.join_all().await;
    (started.elapsed(), cpu() - used)
}

fn request() -> Request {
    let messages = vec![Message::system("be good"), Message::user("a line of code\n".repeat(CONVERSATION / 15))];
    Request { messages, tools: Vec::new() }
}

async fn ask(client: &reqwest::Client, url: &str) {
    let request = request();
    let message = |message: &Message| json!({ "role": message.role, "content": message.content });
    let body = json!({ "model": "gpt-4o", "messages": request.messages.iter().map(message).collect::<Vec<_>>() });
    let request = client.post(url).header("content-type", "application/json").body(body.to_string());
    let bytes = request.send().await.unwrap().bytes().await.unwrap();
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(answer["choices"][0]["message"]["content"].is_string());
}

/// Returns the CPU time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<u64> =
        stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2).map(|field| field.parse().unwrap()).collect();
    // In hundredths of a second, on every Linux.
    Duration::from_millis(10 * fields.iter().sum::<u64>())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Starts a server that answers at once, and returns its address.
fn server() -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(answer_all(connection));
            }
        });
    });
    format!("http://{}", told.recv().unwrap())
}

async fn answer_all(mut connection: tokio::net::TcpStream) {
    let body = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "done" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 5000, "completion_tokens": 1, "total_tokens": 5001 },
    });
    let body = body.to_string();
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65536]);
    loop {
        let whole = bytes.windows(4).position(|four| four == b"\r\n\r\n").and_then(|end| {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
            let whole = end + 4 + length.trim().parse::<usize>().unwrap();
            (bytes.len() >= whole).then_some(whole)
        });
        match whole {
            Some(whole) => {
                bytes.drain(..whole);
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
            None => match connection.read(&mut buffer).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
                _ => return,
            },
        }
    }
}
