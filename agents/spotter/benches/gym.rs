//! What a call of a tool costs through the server for trainers, beside the same call without it, and what many sessions at
//! once take: `cargo bench -p spotter --bench gym`.
//!
//! `SPOTTER_CLIENTS` names a folder whose `ors` is a virtual environment with `openreward`; its own server is then measured beside it. `SESSIONS` is how many
//! sessions there are at once, 256 by default.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use env_core::Environment;
use local::Local;
use serde_json::{Value, json};
use shell::Bash;
use tool_core::{Connect, Host, NoOptions, SandboxConfig, Toolbox};

/// Calls that are measured, after a few that are not.
const CALLS: usize = 300;
const WARM_UP: usize = 20;

/// A connection that is kept open.
struct Connection(BufReader<TcpStream>, SocketAddr);

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream), address)
    }

    /// Sends a request and returns the status and the body.
    fn ask(&mut self, method: &str, path: &str, session: &str, body: &str) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nX-Session-ID: {session}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.1,
            body.len()
        );
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
        let (mut status, mut length, mut is_chunked) = (0, 0, false);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                None if line.is_empty() => break,
                None => status = line.split(' ').nth(1).unwrap().parse().unwrap(),
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("transfer-encoding", _)) => is_chunked = true,
                Some(_) => {}
            }
        }
        let mut whole = Vec::new();
        if !is_chunked {
            whole.resize(length, 0);
            self.0.read_exact(&mut whole).unwrap();
        }
        while is_chunked {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).unwrap();
            whole.extend_from_slice(&chunk[..size]);
            is_chunked = size > 0;
        }
        (status, String::from_utf8(whole).unwrap())
    }

    fn call(&mut self, session: &str, name: &str, input: &Value) -> String {
        let body = json!({ "name": name, "input": input }).to_string();
        let (status, answer) = self.ask("POST", "/demo/call", session, &body);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("event: end") && answer.contains("\"ok\":true"), "{answer}");
        answer
    }

    fn begin(&mut self, session: &str, index: usize) {
        let body = json!({ "split": "train", "index": index }).to_string();
        let (status, answer) = self.ask("POST", "/create", session, &body);
        assert_eq!(status, 200, "{answer}");
        loop {
            let (status, answer) = self.ask("GET", "/demo/prompt", session, "");
            match status {
                200 => return,
                503 => std::thread::sleep(Duration::from_millis(100)),
                _ => panic!("{status}: {answer}"),
            }
        }
    }
}

/// A server, which is ended with this value.
struct Server(Child, SocketAddr);

impl Server {
    fn start(folder: &std::path::Path, sessions: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spotter"));
        command.args(["gym", "--dataset", "demo", "--listen", "127.0.0.1:0", "--run", "bench", "--warm", "0"]);
        command.args(["--sessions", &sessions.to_string(), "-c", "limits.steps=null", "-c", "limits.stuck=false"]);
        command.args(["-c", "permits.judging=2", "-c", "permits.memory_free=64m", "-c", "permits.disk_free=64m"]);
        let mut child = command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split("http://").nth(1)?.split(',').next()?.parse().ok());
        std::thread::spawn(move || lines.for_each(drop));
        Self(child, address.unwrap())
    }

    /// Returns the bytes of memory that it takes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    overhead(folder.path());
    beside();
    let sessions = std::env::var("SESSIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(256);
    at_once(folder.path(), sessions);
}

/// Returns the median of what something takes, in milliseconds.
fn median(mut what: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..WARM_UP + CALLS)
        .map(|_| {
            let begun = Instant::now();
            what();
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .skip(WARM_UP)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Measures a call through the server and without it, in the same kind of sandbox.
fn overhead(folder: &std::path::Path) {
    let server = Server::start(folder, 4);
    let mut connection = Connection::open(server.1);
    connection.begin("overhead", 0);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (environment, ready) = runtime.block_on(async {
        let host = Host::new(std::env::vars_os(), false);
        let provider = Local::connect(SandboxConfig::default(), NoOptions {}, host, "bench".to_owned()).await.unwrap();
        let environment = demo::environment(Arc::new(provider), false).unwrap();
        let instance = environment.instances()[0].clone();
        let ready = environment.reset(&instance).await.unwrap();
        (environment, ready)
    });
    let toolbox = Toolbox::default().with(Bash);
    let texts = |_: &str, _: Value| String::new();
    let mut direct = || {
        let called = toolbox.call("bash", r#"{"command":"true"}"#, ready.sandbox.as_ref(), &texts);
        runtime.block_on(called).unwrap();
    };
    // In turns, so that whatever else the machine does falls on both.
    let mut of_direct = Vec::new();
    let mut of_server = Vec::new();
    for _ in 0..3 {
        of_direct.push(median(&mut direct));
        of_server.push(median(|| drop(connection.call("overhead", "bash", &json!({ "command": "true" })))));
    }
    let thought = median(|| drop(connection.call("overhead", "think", &json!({ "thought": "x" }))));
    let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    let (direct, served) = (least(&of_direct), least(&of_server));
    println!(
        "a call of bash: direct {direct:.3} ms, through the server {served:.3} ms, so {:.3} ms more",
        served - direct
    );
    println!("a call of a tool that does nothing, through the server: {thought:.3} ms");
    runtime.block_on(ready.sandbox.stop()).unwrap();
    drop(environment);
}

/// Measures the official server with a tool that does nothing, where it can be had.
fn beside() {
    let Some(clients) = std::env::var_os("SPOTTER_CLIENTS") else {
        println!("SKIPPED: the official server, as `SPOTTER_CLIENTS` names no folder of clients");
        return;
    };
    let python = std::path::Path::new(&clients).join("ors/bin/python");
    let script = format!("{}/../gym/tests/clients/official_server.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    // The port is free again when the listener is gone, and the server takes it at once.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = address.port().to_string();
    let child = command.arg(script).arg(port).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(child, address);
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the official server does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut connection = Connection::open(server.1);
    connection.begin("official", 0);
    let thought = median(|| drop(connection.call("official", "think", &json!({ "thought": "x" }))));
    println!("a call of a tool that does nothing, through the official server: {thought:.3} ms");
}

/// Has many sessions under way at once, each with a few calls, and counts those that were lost.
fn at_once(folder: &std::path::Path, sessions: usize) {
    let server = Server::start(folder, sessions);
    let address = server.1;
    let before = server.memory();
    let begun = Instant::now();
    let ask = move |session: usize, what: fn(&mut Connection, &str, usize)| {
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || what(&mut Connection::open(address), &format!("many-{session}"), session))
            .unwrap()
    };
    let each = |what: fn(&mut Connection, &str, usize)| {
        let threads: Vec<_> = (0..sessions).map(|session| ask(session, what)).collect();
        threads.into_iter().map(|thread| thread.join().is_ok()).filter(|is_well| !is_well).count()
    };
    let lost = each(|connection, id, session| connection.begin(id, session % 3));
    let all_begun = begun.elapsed();
    let held = server.memory();
    let lost_calls = each(|connection, id, _| {
        for _ in 0..5 {
            connection.call(id, "bash", &json!({ "command": "echo x >>notes.txt" }));
        }
    });
    let called = begun.elapsed();
    let lost_ends = each(|connection, id, _| {
        let last = connection.call(id, "submit", &json!({}));
        assert!(last.contains("\"finished\":true") && last.contains("\"reward\":0.0"), "{last}");
    });
    println!(
        "{sessions} sessions at once: begun after {:.1} s, 5 calls each after {:.1} s more, judged after {:.1} s more; {} lost",
        all_begun.as_secs_f64(),
        (called - all_begun).as_secs_f64(),
        (begun.elapsed() - called).as_secs_f64(),
        lost + lost_calls + lost_ends,
    );
    let each = held.saturating_sub(before) / sessions as u64 / 1024;
    println!("memory of the server: {} MiB before, {} MiB with them, {each} KiB a session", before >> 20, held >> 20);
}
