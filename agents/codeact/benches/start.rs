//! How long it takes from the start of the program until its first request reaches the model's server.
//!
//! Runs the built program: on a demo instance in a Local sandbox, and in containers on the instances of
//! `.runs/registry/swe-bench.jsonl`, or of the file of rows in `SPOTTER_BENCH_ROWS`, where that is there. `PROGRAM` names
//! another build of the program to measure beside it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each instance is started; the first is told apart, because it may have to fill caches.
const STARTS: usize = 7;

/// The answer to every request: the episode ends.
const ANSWER: &str = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Nothing to do.","tool_calls":[{"id":"1","type":"function","function":{"name":"finish","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

fn main() {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_codeact"));
    let other = std::env::var_os("PROGRAM").map(PathBuf::from);
    let programs: Vec<PathBuf> = std::iter::once(own).chain(other).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let rows = std::env::var_os("SPOTTER_BENCH_ROWS").map(PathBuf::from);
    let rows = rows.unwrap_or_else(|| root.join(".runs/registry/swe-bench.jsonl"));
    measure("demo", "demo__lru-1", &programs);
    if !rows.exists() {
        println!("SKIPPED: no {}; run tests/registry/build_images.py", rows.display());
        return;
    }
    let rows = rows.to_str().unwrap();
    for line in std::fs::read_to_string(rows).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        measure(rows, row["instance_id"].as_str().unwrap(), &programs);
    }
}

/// Prints the times of one instance with each program, taken in turns.
fn measure(dataset: &str, instance: &str, programs: &[PathBuf]) {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); programs.len()];
    for _ in 0..STARTS {
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(first_request(program, dataset, instance).as_secs_f64());
        }
    }
    for (number, mut times) in times.into_iter().enumerate() {
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
        let name = if number == 0 { "" } else { " (the other program)" };
        println!("{instance}{name}: first {first:.2} s, then median {median:.3} s, slowest {slowest:.3} s");
    }
}

/// Runs one episode and returns when its first request came.
fn first_request(program: &Path, dataset: &str, instance: &str) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}/v1", listener.local_addr().unwrap());
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(["solve", instance, "--dataset", dataset, "--run", "start", "--model", "m"]);
    command
        .current_dir(folder.path())
        .env("OPENAI_BASE_URL", server)
        .env("OPENAI_API_KEY", "k")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    let elapsed = begun.elapsed();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
    connection.write_all((head + ANSWER).as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    elapsed
}
