//! The commands of Slurm.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

/// How long a command may take: one that waits for a controller that is down does so for long.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many processes of an array are in which state, with the reason where they wait.
pub(super) type States = BTreeMap<String, usize>;

async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output());
    let output = output.await.with_context(|| format!("`{program}` gave no answer in {PATIENCE:?}"))?;
    output.with_context(|| {
        format!("`{program}` does not start\nhint: this has to run where Slurm's commands are, such as a login node")
    })
}

/// Returns what a command that succeeded has printed.
async fn printed(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(program, arguments).await?;
    if !output.status.success() {
        bail!("`{program}` failed: {}", said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Returns how many processes an array may have at this site.
pub(super) async fn most_pilots() -> anyhow::Result<u32> {
    let text = printed("scontrol", &["show", "config"]).await?;
    max_array_size(&text).context("`scontrol show config` tells no `MaxArraySize`")
}

fn max_array_size(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"))?;
    line.trim().strip_prefix('=')?.trim().parse().ok()
}

/// Submits a script and returns the number of its job.
pub(super) async fn submit(script: &Path) -> anyhow::Result<String> {
    let path = script.to_str().context("the path of the script is not UTF-8")?;
    let text = printed("sbatch", &["--parsable", path]).await?;
    // With several clusters, the name of one follows.
    let job = text.lines().last().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("`sbatch` told no number of a job: `{}`", text.trim());
    }
    Ok(job.to_owned())
}

/// Returns the states of the processes of a job that have not ended; `None` where that cannot be told at the moment.
pub(super) async fn states(job: &str) -> Option<States> {
    let arguments = ["--noheader", "--array", "--format=%T|%r", &format!("--jobs={job}")];
    let output = run("squeue", &arguments).await.ok()?;
    if !output.status.success() {
        // So it is once the controller has forgotten a job that has ended.
        return said(&output).contains("Invalid job id").then(States::new);
    }
    Some(parse_states(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_states(text: &str) -> States {
    let mut states = States::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (state, reason) = line.trim().split_once('|').unwrap_or((line.trim(), ""));
        let state = state.to_ascii_lowercase();
        let name = match (state.as_str(), reason) {
            ("pending", reason) if !matches!(reason, "" | "None") => format!("pending ({reason})"),
            _ => state,
        };
        *states.entry(name).or_default() += 1;
    }
    states
}

/// Tells the processes of a job that run to finish what is under way, and ends those that wait.
pub(super) async fn drain(job: &str) {
    cancel(&["--state=PENDING", job]).await;
    cancel(&["--batch", "--signal=INT", job]).await;
}

/// Ends the processes of a job that wait.
pub(super) async fn cancel_waiting(job: &str) {
    cancel(&["--state=PENDING", job]).await;
}

/// Ends all processes of a job.
pub(super) async fn cancel_all(job: &str) {
    cancel(&[job]).await;
}

async fn cancel(arguments: &[&str]) {
    // One that has ended meanwhile is no failure, and whoever waits for the end sees the rest.
    if let Err(err) = run("scancel", arguments).await {
        tracing::warn!("{err:#}");
    }
}

/// Ends all processes of a job, and blocks meanwhile; for when the program itself ends.
pub fn cancel_now(job: &str) -> anyhow::Result<()> {
    let status = std::process::Command::new("scancel").arg(job).status().context("`scancel` does not start")?;
    if !status.success() {
        bail!("`scancel {job}` failed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slurm_prints_is_read() {
        let config = "Configuration data\nMaxArraySize            = 1001\nMaxBatchRequeue = 5\n";
        assert_eq!(max_array_size(config), Some(1001));
        assert_eq!(max_array_size("nothing"), None);
        let states = parse_states("RUNNING|None\nRUNNING|None\nPENDING|Resources\nCOMPLETING|None\n");
        let expected = [("completing", 1), ("pending (Resources)", 1), ("running", 2)];
        assert_eq!(states, expected.map(|(state, count)| (state.to_owned(), count)).into());
        assert!(parse_states("\n").is_empty());
    }
}
