//! Where the contract is checked: a provider and an image for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Config, Host, Kind, Provider, Size, connect};
use tool_core::{Command, ExecOutput, Image, Sandbox, SandboxProvider, Source};

/// A provider, and what it can start.
pub(crate) struct Place {
    pub(crate) provider: Provider,
    pub(crate) image: Image,
    pub(crate) config: Config,
}

/// Returns the image for tests, or `None` with a word on standard error when there is none.
pub(crate) fn test_image() -> Option<String> {
    let image = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    let output = std::process::Command::new("docker").args(["image", "inspect", &image]).output();
    match output {
        Ok(output) if output.status.success() => Some(image),
        Ok(_) => {
            eprintln!("skipped: no image `{image}` (set SPOTTER_TEST_IMAGE), or no Docker engine");
            None
        }
        Err(err) => {
            eprintln!("skipped: no Docker: {err}");
            None
        }
    }
}

pub(crate) fn config(provider: Kind) -> Config {
    Config { provider, memory: Size(256 << 20), pids: 200, grace: 1, max_file: Size(8 << 20), ..Config::default() }
}

impl Place {
    pub(crate) async fn of(kind: Kind) -> Option<Self> {
        Self::with(config(kind)).await
    }

    pub(crate) async fn with(config: Config) -> Option<Self> {
        let source = match config.provider {
            Kind::Docker => Source::Container { name: test_image()?, platform: None },
            Kind::Local => Source::Files(BTreeMap::from([("README".to_owned(), b"hello\n".to_vec())])),
        };
        let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
        let provider = connect(&config, &Host::from_process(), "contract").await.unwrap();
        Some(Self { provider, image, config })
    }

    pub(crate) async fn start(&self) -> Arc<dyn Sandbox> {
        self.provider.start(&self.image).await.unwrap()
    }
}

pub(crate) fn within(seconds: f64, script: &str) -> Command {
    Command::new(script).timeout(Duration::from_secs_f64(seconds))
}

/// Runs a command that should take no time.
pub(crate) async fn run(sandbox: &dyn Sandbox, script: &str) -> ExecOutput {
    sandbox.exec(within(20.0, script)).await.unwrap()
}

/// Runs a command that should succeed; returns its output.
pub(crate) async fn ok(sandbox: &dyn Sandbox, script: &str) -> String {
    let output = run(sandbox, script).await;
    assert!(output.success() && output.restart.is_none(), "{script}: {output:?}");
    output.output
}

/// Returns how many processes on this machine have `needle` as an argument, in a container or not.
pub(crate) fn processes(needle: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    ids.filter(|entry| {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == needle.as_bytes())
    })
    .count()
}

/// Waits until no process has `needle` as an argument.
pub(crate) async fn none_left(needle: &str) {
    for _ in 0..100 {
        if processes(needle) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} processes with `{needle}` are left", processes(needle));
}

/// Returns the peak of this process's resident memory, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
