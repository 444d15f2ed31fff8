//! What an episode costs beside its commands: 50 scripted steps of CodeAct on a real instance in Docker.
//!
//! Prints the framework's own time a step (all but waiting for the sandbox and the model) and the resident memory. The
//! instance is the first of `.runs/registry/swe-bench.jsonl`, or of the file in `SPOTTER_BENCH_ROWS`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent_core::{Agent, Episode, EpisodeParts, Header, Limits, Outcome, Record, Recorder, run};
use async_trait::async_trait;
use codeact::{CodeAct, Config};
use env_core::Environment;
use serde_json::{Value, json};
use swebench::BenchmarkSettings;
use tool_core::{
    Command, ExecOutput, FileError, Host, Image, Sandbox, SandboxConfig, SandboxError, SandboxInfo, SandboxPlug,
    SandboxProvider,
};

#[path = "../it/scripted.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod scripted;

const STEPS: usize = 50;
const RUNS: usize = 5;

fn main() {
    let rows = std::env::var_os("SPOTTER_BENCH_ROWS").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rows = rows.unwrap_or_else(|| root.join(".runs/registry/swe-bench.jsonl"));
    if !rows.exists() {
        println!("SKIPPED: no {}; run tests/registry/build_images.py", rows.display());
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(&rows));
}

async fn measure(rows: &Path) {
    let host = Host::new(std::env::vars_os(), false);
    let provider = match SandboxPlug::of::<docker::Docker>().connect(&SandboxConfig::default(), &host, "bench").await {
        Ok(provider) => provider,
        Err(err) => return println!("SKIPPED: {err}"),
    };
    let waited = Arc::new(AtomicU64::new(0));
    let timed = Arc::new(TimedProvider { inner: provider.clone(), waited: waited.clone() });
    let rows = dataset::load_file(rows).unwrap();
    let environment = swebench::environment("swe-bench", rows, &BenchmarkSettings::default(), timed).unwrap();
    let mut own = Vec::new();
    for _ in 0..RUNS {
        let (outcome, loop_time) = episode(&environment, &waited).await;
        let sandbox_time = Duration::from_nanos(waited.load(Ordering::Relaxed));
        assert_eq!(outcome.spending.steps as usize, STEPS);
        own.push((loop_time - sandbox_time).as_secs_f64() * 1000.0 / STEPS as f64);
        let total = loop_time.as_secs_f64() * 1000.0 / STEPS as f64;
        println!("{STEPS} steps: {total:.2} ms a step, of which the framework's own {:.3} ms", own.last().unwrap());
    }
    own.sort_by(f64::total_cmp);
    println!("the framework's own time: median {:.3} ms a step over {RUNS} episodes", own[RUNS / 2]);
    println!("resident memory: {}, at its highest {}", status("VmRSS"), status("VmHWM"));
    provider.close().await.unwrap();
}

/// Runs one episode and returns how long its loop took, the capture of the patch left out.
async fn episode(environment: &swebench::Benchmark, waited: &AtomicU64) -> (Outcome, Duration) {
    let instance = environment.instances()[0].clone();
    let ready = environment.reset(&instance).await.unwrap();
    let agent = CodeAct::new(Config::default());
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("trajectory.jsonl")).unwrap();
    let parts = EpisodeParts {
        instance,
        sandbox: ready.sandbox.clone(),
        baseline: ready.baseline,
        model: Arc::new(scripted::Scripted::new(turns())),
        toolbox: agent.tools(),
        prompts: prompts::Prompts::new(Default::default()).unwrap(),
        limits: Limits { stuck: false, ..Limits::default() },
        context: Default::default(),
        recorder: Box::new(Lines(file)),
        fresh_sandbox: None,
        embedder: None,
        earlier: None,
        secrets: agent_core::Secrets::default(),
    };
    waited.store(0, Ordering::Relaxed);
    let begun = Instant::now();
    let outcome = run(agent, Episode::begin(parts, header()).unwrap()).await;
    let loop_time = begun.elapsed();
    ready.sandbox.stop().await.unwrap();
    (outcome, loop_time)
}

/// Returns the turns of a plausible episode: shell commands, views and edits in turn, then `finish`.
fn turns() -> Vec<Value> {
    let mut turns = Vec::new();
    for index in 0..STEPS - 1 {
        let edit = |mut arguments: Value| {
            arguments["path"] = json!("/testbed/scratch.py");
            scripted::call("str_replace_editor", arguments)
        };
        turns.push(match index % 5 {
            0 if index == 0 => edit(json!({ "command": "create", "file_text": "x = 0\n" })),
            0 | 3 => scripted::call("bash", json!({ "command": format!("echo {index}; ls | head -n 5") })),
            1 => edit(json!({ "command": "view" })),
            2 => edit(json!({ "command": "insert", "insert_line": 0, "new_str": format!("y{index} = {index}\n") })),
            _ => edit(json!({ "command": "str_replace", "old_str": "x = 0", "new_str": "x = 0" .to_owned() + " " })),
        });
    }
    turns.push(scripted::call("finish", json!({})));
    turns
}

/// Appends the trajectory to a file, as the runner does.
struct Lines(std::fs::File);

impl Recorder for Lines {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        std::io::Write::write_all(&mut self.0, &line)
    }
}

fn header() -> Header {
    serde_json::from_value(json!({
        "version": 1, "instance_id": "bench", "environment": "bench", "agent": "codeact", "model": "scripted",
        "config": "", "root": "/testbed", "sandbox": "docker", "isolated": true, "history_kept": false, "tools": [],
    }))
    .unwrap()
}

/// Returns a line of this process's status.
fn status(key: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    found.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
}

/// Starts sandboxes that add up the time spent waiting for them.
struct TimedProvider {
    inner: Arc<dyn SandboxProvider>,
    waited: Arc<AtomicU64>,
}

#[async_trait]
impl SandboxProvider for TimedProvider {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let inner = self.inner.start(image).await?;
        Ok(Arc::new(Timed { inner, waited: self.waited.clone() }))
    }
}

struct Timed {
    inner: Arc<dyn Sandbox>,
    waited: Arc<AtomicU64>,
}

impl Timed {
    async fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let value = future.await;
        self.waited.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        value
    }
}

#[async_trait]
impl Sandbox for Timed {
    fn info(&self) -> &SandboxInfo {
        self.inner.info()
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        self.wait(self.inner.exec(command)).await
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.wait(self.inner.read_file(path)).await
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.wait(self.inner.write_file(path, contents, mode)).await
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.wait(self.inner.archive(path)).await
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        self.inner.stop().await
    }
}
