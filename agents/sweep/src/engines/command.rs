//! The commands of engines.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

/// How long a command may take: one that waits for a server that is down does so for long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a user may have set for Slurm's commands that would choose other jobs than those that are asked for.
const CHOICES: [&str; 17] = [
    "SQUEUE_ACCOUNT",
    "SQUEUE_FORMAT",
    "SQUEUE_LICENSES",
    "SQUEUE_NAMES",
    "SQUEUE_PARTITION",
    "SQUEUE_QOS",
    "SQUEUE_SORT",
    "SQUEUE_STATES",
    "SQUEUE_USERS",
    "SCANCEL_ACCOUNT",
    "SCANCEL_INTERACTIVE",
    "SCANCEL_NAME",
    "SCANCEL_PARTITION",
    "SCANCEL_QOS",
    "SCANCEL_STATE",
    "SCANCEL_USER",
    "SCANCEL_WCKEY",
];

/// Runs a command to its end.
pub(super) async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    for name in CHOICES {
        command.env_remove(name);
    }
    let output = tokio::time::timeout(PATIENCE, command.output());
    let output = output.await.with_context(|| format!("`{program}` gave no answer in {PATIENCE:?}"))?;
    output.with_context(|| {
        format!("`{program}` does not start\nhint: run this where that command is installed, such as on a login node")
    })
}

/// Returns what a command that succeeded has printed.
pub(super) async fn printed(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(program, arguments).await?;
    if !output.status.success() {
        bail!("`{program}` failed: {}", said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns what a command had to say.
pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Returns a path as an argument.
pub(super) fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("`{}` is not UTF-8", path.display()))
}
