//! The folder of a run, and what is told of it at the end.

use anyhow::{Context, bail};
use env_core::Environment;

use super::output::show;
use crate::config::Resolved;
use crate::console::say;
use crate::run_dir::{RunDir, read_text, sweep, write_whole};
use crate::summary::{Summary, write_summary};

/// Makes the folder of a run and writes its configuration, which all that is in the folder was made with.
pub(super) fn open_run(resolved: &Resolved, run: &str, cell: &str, fresh: bool) -> anyhow::Result<RunDir> {
    let run_dir = RunDir::create(&resolved.config.runs, run, cell)?;
    let _lock = run_dir.lock()?;
    sweep(run_dir.path());
    let path = run_dir.path().join("config.yaml");
    if let (Some(text), false) = (read_text(&path)?, fresh)
        && let Ok(all) = serde_yaml::from_str(&text)
        && resolved.with_values(all).fingerprint() != resolved.fingerprint()
    {
        bail!(
            "{} holds a run with other settings\nhint: choose another `--run`, or start over with `--fresh`",
            show(run_dir.path())
        );
    }
    let text = serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?;
    write_whole(&path, text.as_bytes())?;
    Ok(run_dir)
}

/// Makes the folder of a run that holds verdicts. Each is kept with what it is on and how it was reached, so that settings may
/// change from one command to the next; what they change is judged again.
pub(super) fn open_judged(resolved: &Resolved, run: &str, cell: &str) -> anyhow::Result<RunDir> {
    open_run(resolved, run, cell, true)
}

/// Writes the summary of a run and tells of it. `allowed` is the share of failures of infrastructure a rate may have.
pub(super) fn summarize(run_dir: &RunDir, environment: &dyn Environment, allowed: f64) -> anyhow::Result<Summary> {
    let summary = write_summary(run_dir, environment, allowed)?;
    say(&format!("{}\nsee {}", summary.tally.lines(), show(run_dir.path())));
    Ok(summary)
}
