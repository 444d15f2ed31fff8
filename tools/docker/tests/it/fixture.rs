//! Where the contract is checked: a provider and an image for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Config, Host, Kind, Provider, Size, connect};
use tool_core::{Command, ExecOutput, Image, Restart, Sandbox, SandboxProvider, Source};

/// A provider, and what it can start.
pub(crate) struct Place {
    pub(crate) provider: Provider,
    pub(crate) image: Image,
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
        Some(Self { provider, image })
    }

    pub(crate) async fn start(&self) -> Arc<dyn Sandbox> {
        self.provider.start(&self.image).await.unwrap()
    }
}

/// Makes a test for each provider of each function that takes a sandbox.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_docker {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = crate::place::Place::of(sandbox::Kind::Docker).await {
                    let sandbox = place.start().await;
                    super::$name(&*sandbox).await;
                    sandbox.stop().await.unwrap();
                }
            })*
        }
        mod on_local {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = crate::place::Place::of(sandbox::Kind::Local).await {
                    let sandbox = place.start().await;
                    super::$name(&*sandbox).await;
                    sandbox.stop().await.unwrap();
                }
            })*
        }
    };
}
pub(crate) use on_both;

pub(crate) fn within(seconds: f64, script: &str) -> Command {
    Command::new(script).timeout(Duration::from_secs_f64(seconds)).idle_timeout(Duration::from_secs(60))
}

/// Runs a command that should take no time.
pub(crate) async fn run(sandbox: &dyn Sandbox, script: &str) -> ExecOutput {
    sandbox.exec(within(20.0, script)).await.unwrap()
}

/// Runs a command that should succeed in the same shell; returns its output.
pub(crate) async fn ok(sandbox: &dyn Sandbox, script: &str) -> String {
    let output = run(sandbox, script).await;
    assert!(output.success() && output.restart.is_none(), "{script}: {output:?}");
    output.output
}

/// Runs a command; asserts its exit code, and that the shell survived it or was brought back.
pub(crate) async fn exits(sandbox: &dyn Sandbox, script: &str, code: i32) -> String {
    let output = run(sandbox, script).await;
    assert_eq!(output.exit_code(), code, "{script}: {output:?}");
    assert_ne!(output.restart, Some(Restart::StateLost), "{script}: {output:?}");
    output.output
}

/// Returns an argument for `sleep` that is in use nowhere else: by it, a process is found.
pub(crate) fn unique_sleep() -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("1000.{}", nanos % 1_000_000_000_000)
}

/// Returns how many processes of this machine, in a container or not, have `needle` as an argument.
pub(crate) fn processes(needle: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    arguments.filter(|list| list.split(|byte| *byte == 0).any(|argument| argument == needle.as_bytes())).count()
}

/// Waits until `count` processes have `needle` as an argument.
pub(crate) async fn wait_for(needle: &str, count: usize) {
    for _ in 0..200 {
        if processes(needle) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} processes with `{needle}`, not {count}", processes(needle));
}
