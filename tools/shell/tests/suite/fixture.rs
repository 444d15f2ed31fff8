//! A provider with an image for it, and short ways to run commands.

use std::sync::Arc;
use std::time::Duration;

use tool_core::{Command, ExecOutput, Host, Image, Sandbox, SandboxConfig, SandboxProvider, Size};

use crate::provider::{PLUG, source};

/// A provider, and what it can start.
pub(crate) struct Fixture {
    pub(crate) provider: Arc<dyn SandboxProvider>,
    pub(crate) image: Image,
}

pub(crate) fn config() -> SandboxConfig {
    let (memory, max_file) = (Size(256 << 20), Size(8 << 20));
    SandboxConfig { memory, pids: 200, grace: 1, max_file, ..SandboxConfig::default() }
}

/// Returns what providers may know of this machine.
pub(crate) fn host() -> Host {
    Host::new(std::env::vars_os(), std::io::IsTerminal::is_terminal(&std::io::stderr()))
}

impl Fixture {
    /// Returns a provider with the settings of most tests.
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: SandboxConfig) -> Self {
        let image = Image { source: source(), root: "/testbed".to_owned(), startup: String::new() };
        let provider = PLUG.connect(&config, &host(), "contract").await.unwrap();
        Self { provider, image }
    }

    pub(crate) async fn start(&self) -> Arc<dyn Sandbox> {
        self.provider.start(&self.image).await.unwrap()
    }
}

/// Makes a test of each function that takes a sandbox.
macro_rules! with_a_sandbox {
    ($($name:ident)*) => {
        mod tests {
            $(crate::provider::provider_test! {
                async fn $name() {
                    let fixture = crate::suite::fixture::Fixture::new().await;
                    let sandbox = fixture.start().await;
                    super::$name(&*sandbox).await;
                    sandbox.stop().await.unwrap();
                }
            })*
        }
    };
}
pub(crate) use with_a_sandbox;

/// Makes a test of each function that takes nothing.
macro_rules! by_themselves {
    ($($name:ident)*) => {
        mod by_themselves {
            $(crate::provider::provider_test! {
                async fn $name() {
                    super::$name().await;
                }
            })*
        }
    };
}
pub(crate) use by_themselves;

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
    assert!(output.success() && !output.restarted, "{script}: {output:?}");
    output.output
}

/// Runs a command; asserts its exit code.
pub(crate) async fn exits(sandbox: &dyn Sandbox, script: &str, code: i32) -> String {
    let output = run(sandbox, script).await;
    assert_eq!(output.exit_code(), code, "{script}: {output:?}");
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
