//! Measures what the persistent shell costs, beside `docker exec` on the same container in the same run.
//!
//! `cargo run --release -p docker --example docker_overhead`; the image is that of the tests.
#![allow(clippy::print_stdout)]

#[path = "../../shell/examples/overhead/mod.rs"]
mod overhead;

use std::time::{Duration, Instant};

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use docker::Docker;
use futures_util::StreamExt;
use tool_core::{Sandbox, SandboxPlug, Source};

use overhead::{Outcome, overhead, report};

#[tokio::main]
async fn main() -> Outcome<()> {
    let name = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    overhead(SandboxPlug::of::<Docker>(), Source::Container { name, platform: None }, by_exec).await
}

async fn by_exec(sandbox: &dyn Sandbox) -> Outcome<()> {
    let info = sandbox.info();
    report(info.provider, "`docker exec CONTAINER true`", by_client(&info.id)?);
    report(info.provider, "bollard exec, `true`", by_api(&info.id).await?);
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
