//! Measures what the persistent shell of a provider costs; the examples of the providers take it in by its path.

use std::error::Error;
use std::time::{Duration, Instant};

use tool_core::{Command, Host, Image, Sandbox, SandboxConfig, SandboxPlug, Source};

const ROUNDS: usize = 200;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Starts a sandbox, measures its shell, and then what `beside` measures in the same sandbox.
pub(crate) async fn overhead(
    plug: SandboxPlug,
    source: Source,
    beside: impl AsyncFn(&dyn Sandbox) -> Outcome<()>,
) -> Outcome<()> {
    let host = Host::new(std::env::vars_os(), true);
    let provider = plug.connect(&SandboxConfig::default(), &host, "overhead").await?;
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    let begun = Instant::now();
    let sandbox = provider.start(&image).await?;
    println!("{}: started in {} ms", sandbox.info().provider, millis(begun.elapsed()));
    let mut result = measure(&*sandbox).await;
    if result.is_ok() {
        result = beside(&*sandbox).await;
    }
    sandbox.stop().await?;
    result
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

fn lap(begun: &mut Instant) -> Duration {
    let now = Instant::now();
    now - std::mem::replace(begun, now)
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

pub(crate) fn report(provider: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied().unwrap_or_default();
    let (median, p90, max) = (millis(at(50)), millis(at(90)), millis(at(100)));
    println!("{provider}: {what}: median {median} ms, p90 {p90} ms, max {max} ms ({} times)", times.len());
}
