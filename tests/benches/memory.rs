//! What Moatless episodes on one repository cost in memory: the first pays for the index, the others share it.
//!
//! Episodes run side by side in Docker up to the same point, after a search, an edit and another search, and wait there
//! while the resident memory is read. The instance is the first Django one of `.runs/registry/swe-bench.jsonl`, or the
//! first of the file in `SPOTTER_BENCH_ROWS`; `SPOTTER_BENCH_EPISODES` is their number (64).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::{
    Agent, Completion, Episode, EpisodeParts, Header, Limits, Model, ModelError, Outcome, Record, Recorder, Request,
    run,
};
use async_trait::async_trait;
use env_core::{Environment, Instance, Ready};
use moatless::{Config, Moatless};
use serde_json::{Value, json};
use swebench::BenchmarkSettings;
use tokio::sync::Semaphore;
use tool_core::{Host, SandboxConfig, SandboxPlug};

#[path = "../it/scripted.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod scripted;

fn main() {
    let rows = std::env::var_os("SPOTTER_BENCH_ROWS").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rows = rows.unwrap_or_else(|| root.join(".runs/registry/swe-bench.jsonl"));
    if !rows.exists() {
        println!("SKIPPED: no {}; run tests/registry/build_images.py", rows.display());
        return;
    }
    let count = std::env::var("SPOTTER_BENCH_EPISODES").ok().and_then(|count| count.parse().ok()).unwrap_or(64);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(&rows, count));
}

async fn measure(rows: &Path, count: usize) {
    let host = Host::new(std::env::vars_os(), false);
    let provider = match SandboxPlug::of::<docker::Docker>().connect(&SandboxConfig::default(), &host, "bench").await {
        Ok(provider) => provider,
        Err(err) => return println!("SKIPPED: {err}"),
    };
    let rows = dataset::load_file(rows).unwrap();
    let environment =
        swebench::environment("swe-bench", rows, &BenchmarkSettings::default(), provider.clone()).unwrap();
    let instances = environment.instances();
    let instance = instances.iter().find(|row| row.repo == "django/django").unwrap_or(&instances[0]).clone();
    println!("{}: {count} episodes", instance.instance_id);
    // Clones of one configuration share one cache, as they do in a run.
    let config = Config::default();
    let (arrived, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut ready = Vec::new();
    for _ in 0..count {
        ready.push(environment.reset(&instance).await.unwrap());
    }
    let before = resident();
    let mut running = Vec::new();
    let mut ready = ready.into_iter();
    let mut start = |ready: Ready| {
        let model = Gated { inner: scripted::Scripted::new(turns()), arrived: arrived.clone(), gate: gate.clone() };
        running.push(tokio::spawn(episode(instance.clone(), ready, config.clone(), model)));
    };
    start(ready.next().unwrap());
    arrived.acquire().await.unwrap().forget();
    let first = resident();
    ready.by_ref().for_each(&mut start);
    for _ in 1..count {
        arrived.acquire().await.unwrap().forget();
    }
    let all = resident();
    println!("containers ready: {before:.1} MB; one episode: {first:.1} MB; {count}: {all:.1} MB");
    let highest = status("VmHWM");
    println!("memory grew by {:.2} MB an episode; at its highest {highest:.1} MB", (all - first) / (count - 1) as f64);
    gate.add_permits(count);
    for episode in running {
        let patch = episode.await.unwrap().patch.unwrap().0;
        assert!(patch.contains("# another line"), "{patch}");
    }
    drop(environment);
    provider.close().await.unwrap();
}

async fn episode(instance: Instance, ready: Ready, config: Config, model: Gated) -> Outcome {
    let agent = Moatless::new(config);
    let parts = EpisodeParts {
        instance,
        sandbox: ready.sandbox.clone(),
        baseline: ready.baseline,
        model: Arc::new(model),
        toolbox: agent.tools(),
        prompts: prompts::Prompts::new(Default::default()).unwrap(),
        limits: Limits::default(),
        context: Default::default(),
        recorder: Box::new(Nowhere),
        fresh_sandbox: None,
        embedder: None,
        earlier: None,
        secrets: agent_core::Secrets::default(),
    };
    let outcome = run(agent, Episode::begin(parts, header()).unwrap()).await;
    ready.sandbox.stop().await.unwrap();
    outcome
}

/// Returns the turns up to the gate, and the last one after it.
fn turns() -> Vec<Value> {
    let call = scripted::call;
    let file = "django/db/models/query.py";
    let search = json!({ "search_requests": [{ "class_names": ["QuerySet"], "function_names": ["get"] }] });
    let spans = json!({ "identified_spans": [{ "file_path": file, "span_ids": ["QuerySet.__len__"] }] });
    let modify = json!({ "action": "modify", "file_path": file, "span_id": "QuerySet.__len__", "instructions": "x" });
    let code = "    def __len__(self):\n        # another line\n        self._fetch_all()\n        return len(self._result_cache)";
    vec![
        call("search", search),
        call("identify", spans.clone()),
        call("decide", json!({ "relevant": false })),
        call("search", json!({ "search_requests": [{ "query": "ordering of a union" }] })),
        call("identify", spans),
        call("decide", json!({ "relevant": true, "complete": true })),
        call("plan", modify),
        call("replace_code", json!({ "replace": code })),
        call("plan", json!({ "action": "finish" })),
    ]
}

/// Waits before the last answer.
struct Gated {
    inner: scripted::Scripted,
    arrived: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Model for Gated {
    fn name(&self) -> &str {
        "gated"
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        if self.inner.requests().len() + 1 == turns().len() {
            self.arrived.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
        }
        self.inner.complete(request).await
    }
}

/// Keeps no trajectory; the runner appends to a file.
struct Nowhere;

impl Recorder for Nowhere {
    fn append(&mut self, _: &Record) -> std::io::Result<()> {
        Ok(())
    }
}

fn header() -> Header {
    serde_json::from_value(json!({
        "version": 1, "instance_id": "bench", "environment": "bench", "agent": "moatless", "model": "gated",
        "config": "", "root": "/testbed", "sandbox": "docker", "isolated": true, "history_kept": false, "tools": [],
    }))
    .unwrap()
}

/// Returns the resident memory in MB.
fn resident() -> f64 {
    status("VmRSS")
}

/// Returns a figure of this process's status in MB.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kilobytes = found.and_then(|value| value.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
