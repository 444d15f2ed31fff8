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
pub(super) async fn run(sweep: &Sweep, workers: usize, at_interrupt: &AtInterrupt) -> anyhow::Result<(Counts, bool)> {
    let (drain, job) = (CancellationToken::new(), JobId::default());
    at_interrupt.drain(&drain);
    let of_interrupt = job.clone();
    at_interrupt.set(move || {
        let job = of_interrupt.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(job) = job {
            match cancel_now(&job) {
                Ok(()) => say(&format!("job {job} is cancelled; the same command goes on")),
                Err(err) => say(&format!("warning: {err:#}\nhint: `scancel {job}` ends its processes")),
            }
        }
    });
    let (program, told) = (program()?, Box::new(|line: &str| say(line)));
    let slurm = Slurm { sweep, program, workers, drain: drain.clone(), job, told };
    Ok((slurm.run().await?, drain.is_cancelled()))
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
