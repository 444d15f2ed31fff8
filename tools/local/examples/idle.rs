//! Measures what local sandboxes cost while nothing happens in them: first with no command, then with one that waits.
//!
//! `cargo run --release -p local --example idle -- 256`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use local::Local;
use tool_core::{Command, Host, Image, Sandbox, SandboxConfig, SandboxPlug, Source};

const MEASURED: Duration = Duration::from_secs(10);
/// Sandboxes started at once.
const TOGETHER: usize = 16;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let count = std::env::args().nth(1).map_or(Ok(256), |text| text.parse())?;
    let host = Host::new(std::env::vars_os(), false);
    let provider = SandboxPlug::of::<Local>().connect(&SandboxConfig::default(), &host, "idle").await?;
    let image =
        Image { source: Source::Files(Default::default()), root: "/testbed".to_owned(), startup: String::new() };
    let begun = Instant::now();
    let mut sandboxes: Vec<Arc<dyn Sandbox>> = Vec::new();
    while sandboxes.len() < count {
        let more = (0..TOGETHER.min(count - sandboxes.len())).map(|_| provider.start(&image));
        sandboxes.extend(try_join_all(more).await?);
    }
    println!("{count} sandboxes started in {:.1} s", begun.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(1)).await;
    measure("idle").await?;
    let seconds = MEASURED.as_secs() + 4;
    let waits = sandboxes.iter().map(|sandbox| sandbox.exec(Command::new(format!("sleep {seconds}"))));
    let measured = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        measure("with a command that waits").await
    };
    let (outputs, measured) = tokio::join!(join_all(waits), measured);
    measured?;
    for output in outputs {
        output?;
    }
    let begun = Instant::now();
    provider.close().await?;
    println!("removed in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

async fn measure(what: &str) -> Outcome<()> {
    let (begun, before) = (Instant::now(), used()?);
    tokio::time::sleep(MEASURED).await;
    let (seconds, after) = (begun.elapsed().as_secs_f64(), used()?);
    let cores = |index: usize| (after[index] - before[index]) as f64 / 100.0 / seconds;
    let (user, system) = (cores(0), cores(1));
    println!("{what}: {:.3} cores ({user:.3} user, {system:.3} system)", user + system);
    Ok(())
}

/// Returns the clock ticks that this process and its descendants have taken, in user and in system mode.
fn used() -> Outcome<[u64; 2]> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else { continue };
        let stat = String::from_utf8_lossy(&stat).into_owned();
        let Some((start, rest)) = stat.rsplit_once(") ") else { continue };
        let id: u64 = start.split(' ').next().unwrap_or_default().parse()?;
        let fields: Vec<u64> = rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or_default()).collect();
        // The parent, and the ticks of the process and of children that have ended.
        if let [_, parent, .., _, _] = fields[..]
            && let Some([user, system, ended_user, ended_system]) = fields.get(11..15)
        {
            processes.push((id, parent, [user + ended_user, system + ended_system]));
        }
    }
    let mut ours = vec![u64::from(std::process::id())];
    let mut next = 0;
    while let Some(&id) = ours.get(next) {
        ours.extend(processes.iter().filter(|(_, parent, _)| *parent == id).map(|(id, ..)| *id));
        next += 1;
    }
    let used = processes.iter().filter(|(id, ..)| ours.contains(id));
    Ok(used.fold([0, 0], |sum, (_, _, [user, system])| [sum[0] + user, sum[1] + system]))
}
