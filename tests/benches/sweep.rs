//! A sweep of many short episodes in Local sandboxes, with a model on loopback that takes 200 ms to answer.
//!
//! `cargo bench -p tests --bench sweep -- [EPISODES] [WORKERS...]` prints for each number of episodes in flight the steps
//! a second, as a share of what the latency allows, what the sweep's own process takes (CPU time a step, and its memory),
//! and the CPU time a step of what runs in its sandboxes and of the model. There are 100 samples of an instance, as where
//! data is sampled, so that most sandboxes start from a kept state. The model's process counts what it is asked, so that
//! nothing is lost or doubled unseen, and what is left of the sandboxes is counted as well.
//!
//! `cargo bench -p tests --bench sweep -- docker [EPISODES] [WORKERS...]` does the same in Local and then in Docker
//! sandboxes of the image that `SPOTTER_BENCH_IMAGE` names, with a repository in `/testbed`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use env_core::{Dialect, Environment, EnvironmentPlug, EnvironmentRequest, Instance, OpenError};
use grading::{EvalType, GradingSpec, Parser, TestSpec};
use swebench::{Benchmark, Entry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tool_core::{Image, Source};

/// Says which part a process of the benchmark plays.
const PART: &str = "SPOTTER_BENCH_PART";
/// Calls of an episode before it hands in.
const STEPS: u64 = 20;
/// Samples of an instance, where there are as many episodes.
const SAMPLES: usize = 100;
/// The image of Docker sandboxes where no other is named; `tests/registry/build_images.py` builds it.
const IMAGE: &str = "sweb.eval.x86_64.pallets__flask-5014:latest";
/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    match std::env::var(PART).as_deref() {
        Ok("program") => {
            let program = cli::standard().environment(Posed("local")).environment(Posed("docker"));
            cli::main(program.agent::<codeact::CodeAct>(codeact::CONFIG))
        }
        Ok(_) => serve(),
        Err(_) => measure(),
    }
}

/// Instances of one file each in Local sandboxes, or of an image's repository in Docker.
struct Posed(&'static str);

#[async_trait]
impl EnvironmentPlug for Posed {
    fn name(&self) -> &'static str {
        self.0
    }

    fn kinds(&self) -> Vec<String> {
        vec![format!("posed-{}", self.0)]
    }

    fn takes(&self, dataset: &str) -> bool {
        dataset.starts_with(&format!("posed-{}-", self.0))
    }

    fn dataset_of(&self, _: &str) -> Option<String> {
        None
    }

    fn sandbox(&self) -> Option<&'static str> {
        Some(self.0)
    }

    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError> {
        let mut provider = request.providers.of_episodes().await?;
        let source = if self.0 == "docker" {
            let name = std::env::var("SPOTTER_BENCH_IMAGE").unwrap_or_else(|_| IMAGE.to_owned());
            Source::Container { name, platform: None }
        } else {
            provider = demo::committed(provider);
            Source::Files([("word.txt".to_owned(), b"word\n".to_vec())].into())
        };
        let count: usize = request.dataset.rsplit('-').next().unwrap_or_default().parse()?;
        let entries = (0..count).map(|index| entry(index, source.clone())).collect();
        Ok(Arc::new(Benchmark::new(self.0, entries, request.keep_history, provider)?))
    }
}

fn entry(index: usize, source: Source) -> Entry {
    let instance = Instance {
        instance_id: format!("posed__file-{index}"),
        repo: "posed/file".to_owned(),
        base_commit: "HEAD".to_owned(),
        problem_statement: format!("Instance {index}: say a word."),
        hints_text: String::new(),
        version: String::new(),
    };
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    let grading = GradingSpec {
        dialect: Dialect::SweBench5,
        parser: Parser::Pytest,
        eval_type: EvalType::PassAndFail,
        fail_to_pass: Vec::new(),
        pass_to_pass: Vec::new(),
    };
    let own = Err("it has none".to_owned());
    let tests = TestSpec { eval_script: String::new(), grading, timeout: Duration::from_secs(60), own };
    Entry { instance, image, gold: None, tests: Ok(tests) }
}

/// The model: answers after a while, by the number of answers in the conversation; prints how often it was asked.
fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let counted = asked.clone();
        // The driver closes the input to be told.
        tokio::task::spawn_blocking(move || {
            let _ = std::io::stdin().lock().read_line(&mut String::new());
            println!("{}", counted.load(Ordering::SeqCst));
            std::process::exit(0);
        });
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = stream.set_nodelay(true);
            tokio::spawn(answer(stream, asked.clone()));
        }
    })
}

async fn answer(mut stream: tokio::net::TcpStream, asked: Arc<AtomicU64>) -> Option<()> {
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let end = loop {
            if let Some(end) = whole(&bytes) {
                break end;
            }
            let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&chunk[..read]);
        };
        let number = count(&bytes[..end], b"\"role\":\"assistant\"");
        bytes.drain(..end);
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(LATENCY).await;
        let call = if number < STEPS {
            format!("\"name\":\"bash\",\"arguments\":\"{{\\\"command\\\":\\\"echo step {number}\\\"}}\"")
        } else {
            "\"name\":\"finish\",\"arguments\":\"{}\"".to_owned()
        };
        let body = format!(
            "{{\"choices\":[{{\"index\":0,\"finish_reason\":\"tool_calls\",\"message\":{{\"role\":\"assistant\",\"content\":\"\",\
             \"tool_calls\":[{{\"id\":\"c{number}\",\"type\":\"function\",\"function\":{{{call}}}}}]}}}}],\
             \"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":1,\"total_tokens\":11}}}}"
        );
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.ok()?;
    }
}

/// Returns where the first request ends, once all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length: usize = text.split("content-length:").nth(1)?.lines().next()?.trim().parse().ok()?;
    (bytes.len() >= head + length).then_some(head + length)
}

fn count(bytes: &[u8], what: &[u8]) -> u64 {
    bytes.windows(what.len()).filter(|window| *window == what).count() as u64
}

/// Runs a sweep for each number of episodes in flight.
fn measure() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (episodes, workers) = match numbers.split_first() {
        Some((episodes, workers)) if !workers.is_empty() => (*episodes, workers.to_vec()),
        Some((episodes, _)) => (*episodes, vec![64]),
        None => (200, vec![1, 16, 64]),
    };
    println!("{STEPS} calls and a hand-in an episode, {} ms an answer", LATENCY.as_millis());
    for workers in workers {
        // Few at once take too long for all.
        let episodes = episodes.min(workers * 20);
        run(episodes, workers, "local");
        if std::env::args().any(|argument| argument == "docker") {
            run(episodes, workers, "docker");
        }
    }
    ExitCode::SUCCESS
}

fn run(episodes: usize, workers: usize, sandbox: &str) {
    let this = std::env::current_exe().unwrap();
    let mut server = Command::new(&this);
    let mut server = server.env(PART, "server").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = said.next().unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let instances = episodes.div_ceil(SAMPLES);
    let samples = episodes / instances;
    let episodes = instances * samples;
    let text = format!(
        "name: bench\nbase:\n  evaluate: false\n  model: {{name: m, base_url: 'http://{address}/v1'}}\n  limits: {{cost: null}}\n\
         instances: {{dataset: posed-{sandbox}-{instances}}}\nsamples: {samples}\nworkers: {workers}\n"
    );
    std::fs::write(folder.path().join("bench.yaml"), text).unwrap();
    let mut program = Command::new(&this);
    program.args(["sweep", "bench.yaml"]).current_dir(folder.path()).env(PART, "program");
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    program.env("XDG_CACHE_HOME", folder.path().join("cache")).env("TMPDIR", &temporary);
    program.stdout(Stdio::null()).stderr(std::fs::File::create(folder.path().join("said")).unwrap());
    let begun = Instant::now();
    let mut child = program.spawn().unwrap();
    let (mut seen, mut model) = (Seen::default(), Seen::default());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        seen.look(child.id());
        model.look(server.id());
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = begun.elapsed().as_secs_f64();
    drop(server.stdin.take());
    let asked: u64 = said.next().unwrap().unwrap().parse().unwrap();
    server.wait().unwrap();
    let complaint = || std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(status.success(), "{}", complaint());
    let expected = episodes as u64 * (STEPS + 1);
    assert_eq!(asked, expected, "requests");
    assert_eq!(finished(folder.path()), episodes, "{}", complaint());
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?} are left");
    if sandbox == "docker" {
        let left = containers(child.id());
        assert!(left.is_empty(), "containers are left: {left}");
    }
    let steps = asked as f64 / took;
    let allowed = workers as f64 / LATENCY.as_secs_f64();
    println!(
        "{workers:>5} in flight, {sandbox}: {steps:>6.0} steps/s, {:>5.1}% of {allowed:.0}; CPU a step: {:.2} ms ours, \
         {:.2} ms in the sandboxes, {:.2} ms the model's; {:.0} MiB at most, {:.2} MiB an episode in flight ({episodes} episodes in {took:.1} s)",
        steps / allowed * 100.0,
        seen.cpu * 1000.0 / asked as f64,
        seen.children * 1000.0 / asked as f64,
        model.cpu * 1000.0 / asked as f64,
        seen.most as f64 / 1024.0,
        (seen.most.saturating_sub(seen.first)) as f64 / 1024.0 / workers as f64,
    );
}

/// Returns the containers of a process, a line each.
fn containers(process: u32) -> String {
    let mut docker = Command::new("docker");
    docker.args(["ps", "-a", "--filter", "label=spotter.owner", "--format", "{{.Names}} {{.Label \"spotter.owner\"}}"]);
    let listed = String::from_utf8(docker.output().unwrap().stdout).unwrap();
    let is_own = |line: &&str| line.split(' ').any(|word| word == process.to_string());
    listed.lines().filter(is_own).collect::<Vec<_>>().join("\n")
}

/// Returns how many episodes have a prediction, which is in the file of their sample.
fn finished(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join(".runs/bench/codeact")).unwrap().flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("preds."));
    let of_file = |file: std::fs::DirEntry| {
        let text = std::fs::read_to_string(file.path()).unwrap();
        text.lines().map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect::<HashSet<_>>().len()
    };
    files.map(of_file).sum()
}

/// What a process takes.
#[derive(Default)]
struct Seen {
    /// Seconds of CPU time.
    cpu: f64,
    /// The same of the processes that it has started and waited for: the shells of Local sandboxes.
    children: f64,
    /// Resident memory soon after it began, KiB.
    first: u64,
    /// The most of it, KiB.
    most: u64,
}

impl Seen {
    fn look(&mut self, process: u32) {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return };
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        // User and system time, in hundredths of a second.
        self.cpu = (ticks(11) + ticks(12)) / 100.0;
        self.children = (ticks(13) + ticks(14)) / 100.0;
        let memory = (ticks(21) as u64) * 4;
        if self.first == 0 && self.cpu > 0.0 {
            self.first = memory;
        }
        self.most = self.most.max(memory);
    }
}
