//! A server that logs what it is asked, in a thread of its own, and models that ask it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agent_core::{Completion, Message, Model, ModelError, Request};
use llm::{BudgetLimits, Gateway, Gateways, ModelConfig, Prices, RateConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::server::{answer, config, prompts};

/// One request, as the server saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// When it was whole.
    pub(super) at: Instant,
    /// How many requests were in the server with it.
    pub(super) in_flight: usize,
    /// What the user said last.
    pub(super) said: String,
    pub(super) status: u16,
    pub(super) tokens: u64,
}

/// What a server answers.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: Value,
    pub(super) delay: Duration,
}

impl Reply {
    pub(super) fn ok(delay: u64) -> Self {
        let (headers, body) = (String::new(), answer("hi"));
        Self { status: 200, headers, body, delay: Duration::from_millis(delay) }
    }

    pub(super) fn status(status: u16, headers: &str) -> Self {
        let body = json!({ "error": { "message": "no" } });
        Self { status, headers: headers.to_owned(), body, delay: Duration::ZERO }
    }
}

type Behaviour = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A server in a thread of its own. It ends, and closes its connections, when it is dropped.
pub(super) struct Judge {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Judge {
    /// Starts a server; `behave` is given each request and its number.
    pub(super) fn start(behave: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), behave)
    }

    pub(super) fn start_at(
        address: SocketAddr,
        behave: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stop, mut stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let (of_thread, behave): (_, Arc<Behaviour>) = (log.clone(), Arc::new(behave));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(address).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let in_flight = Arc::new(AtomicUsize::new(0));
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        _ = &mut stopped => return,
                        connection = listener.accept() => {
                            let (log, behave, in_flight) = (of_thread.clone(), behave.clone(), in_flight.clone());
                            connections.spawn(async move {
                                // The client may leave at any time.
                                let _ = answer_all(connection.unwrap().0, &log, &*behave, &in_flight).await;
                            });
                        }
                    }
                }
            });
        });
        Self { address: told.recv().unwrap(), log, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// Returns the most that any window of this length held.
    pub(super) fn most(&self, window: Duration, weight: impl Fn(&Seen) -> u64) -> u64 {
        let mut seen = self.seen();
        seen.sort_by_key(|one| one.at);
        let (mut most, mut sum, mut start) = (0, 0, 0);
        for one in &seen {
            sum += weight(one);
            while seen[start].at + window <= one.at {
                sum -= weight(&seen[start]);
                start += 1;
            }
            most = most.max(sum);
        }
        most
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn answer_all(
    mut connection: TcpStream,
    log: &Mutex<Vec<Seen>>,
    behave: &Behaviour,
    in_flight: &AtomicUsize,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let Some(body) = read(&mut connection, &mut bytes).await? else { return Ok(()) };
        let (at, in_flight_now) = (Instant::now(), in_flight.fetch_add(1, Ordering::Relaxed) + 1);
        let said = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        let mut seen = Seen { at, in_flight: in_flight_now, said, status: 0, tokens: 0 };
        let reply = {
            let mut log = log.lock().unwrap();
            let reply = behave(&seen, log.len());
            seen.status = reply.status;
            seen.tokens = if reply.status == 200 { reply.body["usage"]["total_tokens"].as_u64().unwrap() } else { 0 };
            log.push(seen);
            reply
        };
        tokio::time::sleep(reply.delay).await;
        in_flight.fetch_sub(1, Ordering::Relaxed);
        let body = reply.body.to_string();
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-type: application/json\r\n{}content-length: {}\r\n\r\n",
            reply.status,
            reply.headers,
            body.len()
        );
        connection.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

/// Reads one request; `None` at the end of the connection.
async fn read(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<Value>> {
    let mut buffer = [0; 16384];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            assert!(!head.contains("transfer-encoding"), "a body without a length: {head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
            let length: usize = length.trim().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                let whole: Vec<u8> = bytes.drain(..end + 4 + length).collect();
                return Ok(Some(serde_json::from_slice(&whole[end + 4..]).unwrap()));
            }
        }
        match connection.read(&mut buffer).await? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Returns settings for a server with these limits.
pub(super) fn limited(judge: &Judge, rate: RateConfig) -> ModelConfig {
    ModelConfig { rate, timeout: 30.0, ..config(&judge.url()) }
}

pub(super) fn gateways(minute: Duration) -> Gateways {
    Gateways::with_minute(None, BudgetLimits::default(), minute).unwrap()
}

pub(super) fn connect(gateways: &Gateways, config: &ModelConfig) -> Gateway {
    gateways.connect_in(config, &Prices::new(None).unwrap(), &prompts(), |_| None).unwrap()
}

pub(super) fn saying(text: &str) -> Request {
    Request { messages: vec![Message::user(text)], tools: Vec::new() }
}

/// Asks with many tasks at once, each request with its number, and returns the answers in the order of the numbers.
pub(super) async fn ask_many(
    model: &Arc<dyn Model>,
    tasks: usize,
    requests: usize,
) -> Vec<Result<Completion, ModelError>> {
    let model = model.clone();
    ask_each(tasks, requests, move |number| {
        let model = model.clone();
        Box::pin(async move { model.complete(&saying(&number.to_string())).await })
    })
    .await
}

pub(super) async fn ask_each<T: Send + 'static>(
    tasks: usize,
    requests: usize,
    ask: impl Fn(usize) -> Pin<Box<dyn Future<Output = T> + Send>> + Send + Sync + 'static,
) -> Vec<T> {
    let (next, ask) = (Arc::new(AtomicUsize::new(0)), Arc::new(ask));
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let (next, ask) = (next.clone(), ask.clone());
        set.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return answers;
                }
                answers.push((number, ask(number).await));
            }
        });
    }
    let mut answers: Vec<_> = set.join_all().await.into_iter().flatten().collect();
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
