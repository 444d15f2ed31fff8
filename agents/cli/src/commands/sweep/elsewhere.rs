//! A sweep by processes on other machines.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use sweep::engines::{Coordinator, Current, Launcher, Pilots, USUAL, cancel_now};
use sweep::file::EngineSpec;
use sweep::plan::Plan;
use sweep::run::{Counts, Sweep};
use tokio_util::sync::CancellationToken;

use crate::console::say;
use crate::interrupt::AtInterrupt;

/// What starts the processes, and the job that it has been given.
#[derive(Clone)]
pub(super) struct Elsewhere {
    launcher: Arc<dyn Launcher>,
    current: Current,
}

impl Elsewhere {
    /// Returns what a file asks for.
    pub(super) fn open(engine: &EngineSpec) -> anyhow::Result<Self> {
        let launcher = sweep::engines::open(engine, |name| std::env::var(name).ok())?;
        Ok(Self { launcher, current: Current::default() })
    }

    /// Has processes work on a sweep, and returns what came of it and whether it was interrupted.
    pub(super) async fn run(
        &self,
        sweep: &Sweep,
        workers: usize,
        at_interrupt: &AtInterrupt,
    ) -> anyhow::Result<(Counts, bool)> {
        let drain = CancellationToken::new();
        at_interrupt.drain(&drain);
        let (launcher, program, current) = (self.launcher.as_ref(), program()?, self.current.clone());
        let told = Box::new(|line: &str| say(line));
        let coordinator = Coordinator { sweep, launcher, program, workers, drain: drain.clone(), current, told };
        Ok((coordinator.run().await?, drain.is_cancelled()))
    }

    /// Ends the processes of the job, where there is one.
    pub(super) fn cancel(&self) {
        let Some(job) = self.current.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        match cancel_now(&self.launcher, &job) {
            Ok(()) => say(&format!("job {} was cancelled; run the same command again to continue", job.job)),
            Err(err) => say(&format!("warning: {err:#}\nhint: `{}` ends its processes", self.launcher.by_hand(&job))),
        }
    }

    /// Returns what would be submitted for a plan.
    pub(super) fn text(&self, plan: &Plan, workers: usize) -> anyhow::Result<String> {
        let first = plan.cells.first().context("the sweep has no cell")?;
        let runs = &first.resolved.config.runs;
        let run = std::path::absolute(runs.join(journal::file_name(&plan.run)))?;
        let folder = std::env::current_dir().context("cannot determine the working folder")?;
        let (engine, program) = (&plan.file.spec.engine, program()?);
        let count = engine.pilots.unwrap_or(USUAL);
        let (run, folder, program): (&Path, &Path, &Path) = (&run, &folder, &program);
        self.launcher.text(&Pilots { engine, count, workers, program, run, folder, name: &plan.run })
    }
}

/// Returns the path of this program, which the processes run.
fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot determine the path of this program")
}
