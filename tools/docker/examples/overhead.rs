//! Measures what the persistent shell costs, beside `docker exec` on the same container in the same run.
//!
//! `cargo run --release -p sandbox --example overhead`; the image is that of the tests.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::time::{Duration, Instant};

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt;
use sandbox::{Config, Host, Kind, connect};
use tool_core::{Command, Image, Sandbox, SandboxProvider, Source};

const ROUNDS: usize = 200;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let name = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    let container = Source::Container { name, platform: None };
    for (kind, source) in [(Kind::Docker, container), (Kind::Local, Source::Files(Default::default()))] {
        let config = Config { provider: kind, ..Config::default() };
        let provider = connect(&config, &Host::from_process(), "overhead").await?;
        let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
        let begun = Instant::now();
        let sandbox = provider.start(&image).await?;
        println!("{}: started in {} ms", sandbox.info().provider, millis(begun.elapsed()));
        let result = measure(&*sandbox).await;
        sandbox.stop().await?;
        result?;
    }
    Ok(())
}

async fn measure(sandbox: &dyn Sandbox) -> Outcome<()> {
    let provider = sandbox.info().provider;
    for _ in 0..10 {
        sandbox.exec(Command::new("true")).await?;
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        sandbox.exec(Command::new("true")).await?;
        times.push(begun.elapsed());
    }
    report(provider, "persistent shell, `true`", times);
    if provider == "docker" {
        report(provider, "`docker exec CONTAINER true`", by_client(&sandbox.info().id)?);
        report(provider, "bollard exec, `true`", by_api(&sandbox.info().id).await?);
    }
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let contents = vec![b'x'; 20_000];
    sandbox.write_file("file", &contents, None).await?;
    for _ in 0..50 {
        let mut begun = Instant::now();
        sandbox.write_file("file", &contents, None).await?;
        times[0].push(lap(&mut begun));
        sandbox.read_file("file").await?;
        times[1].push(lap(&mut begun));
        sandbox.exec(Command::new("cat <<'E' | wc -l\na\nE")).await?;
        times[2].push(lap(&mut begun));
    }
    for _ in 0..10 {
        let begun = Instant::now();
        sandbox.exec(Command::fresh("true")).await?;
        times[3].push(begun.elapsed());
    }
    for (what, times) in ["write 20 kB", "read 20 kB", "command of three lines", "fresh shell"].into_iter().zip(times) {
        report(provider, what, times);
    }
    let begun = Instant::now();
    let script = "head -c 1073741824 /dev/zero | tr '\\0' x";
    let output = sandbox.exec(Command::new(script)).await?;
    println!("{provider}: 1 GB of output in {} ms, {} bytes omitted", millis(begun.elapsed()), output.omitted);
    Ok(())
}

fn by_client(container: &str) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        std::process::Command::new("docker").args(["exec", container, "true"]).status()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn by_api(container: &str) -> Outcome<Vec<Duration>> {
    let client = bollard::Docker::connect_with_defaults()?.negotiate_version().await?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let options = CreateExecOptions { attach_stdout: Some(true), cmd: Some(vec!["true"]), ..Default::default() };
        let exec = client.create_exec(container, options).await?;
        if let StartExecResults::Attached { mut output, .. } =
            client.start_exec(&exec.id, None::<StartExecOptions>).await?
        {
            while output.next().await.is_some() {}
        }
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn lap(begun: &mut Instant) -> Duration {
    let now = Instant::now();
    now - std::mem::replace(begun, now)
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn report(provider: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied().unwrap_or_default();
    let (median, p90, max) = (millis(at(50)), millis(at(90)), millis(at(100)));
    println!("{provider}: {what}: median {median} ms, p90 {p90} ms, max {max} ms ({} times)", times.len());
}
