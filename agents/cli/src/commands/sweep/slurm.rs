//! A sweep under Slurm.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use anyhow::Context;
use sweep::plan::Plan;
use sweep::run::{Counts, Sweep};
use sweep::slurm::{JobId, Script, Slurm, cancel_now};
use tokio_util::sync::CancellationToken;

use crate::console::say;
use crate::interrupt::AtInterrupt;

/// Has an array of processes work on a sweep, and returns what came of it and whether it was interrupted.
pub(super) async fn run(
    sweep: &Sweep,
    workers: usize,
    job: JobId,
    at_interrupt: &AtInterrupt,
) -> anyhow::Result<(Counts, bool)> {
    let drain = CancellationToken::new();
    at_interrupt.drain(&drain);
    let (program, told) = (program()?, Box::new(|line: &str| say(line)));
    let slurm = Slurm { sweep, program, workers, drain: drain.clone(), job, told };
    Ok((slurm.run().await?, drain.is_cancelled()))
}

/// Ends the processes of the job, where there is one.
pub(super) fn cancel(job: &JobId) {
    let Some(job) = job.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    match cancel_now(&job) {
        Ok(()) => say(&format!("job {job} is cancelled; the same command goes on")),
        Err(err) => say(&format!("warning: {err:#}\nhint: `scancel {job}` ends its processes")),
    }
}

/// Returns the script that would be submitted for a plan.
pub(super) fn script(plan: &Plan, workers: usize) -> anyhow::Result<String> {
    let first = plan.cells.first().context("the sweep has no cell")?;
    let runs = &first.resolved.config.runs;
    let folder = std::path::absolute(runs.join(journal::file_name(&plan.run)))?;
    let (engine, program) = (&plan.file.spec.engine, program()?);
    let run: &Path = &folder;
    Script { engine, pilots: engine.pilots, workers, program: &program, run, name: &plan.run }.text()
}

/// Returns the path of this program, which the processes run.
fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("the path of this program cannot be told")
}
