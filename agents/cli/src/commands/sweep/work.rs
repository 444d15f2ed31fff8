//! `work`: one of several processes on a sweep.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use runner::Plugs;
use runner::environments::Providers;
use sweep::run::{Kept, PilotOptions, Sweep};

use super::{clean, sweeping, tell};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::settings::{seconds, workers};

/// What engines call the number of one of several processes.
const INDEXES: [&str; 4] = ["SPOTTER_INDEX", "SLURM_ARRAY_TASK_ID", "HQ_TASK_ID", "JOB_COMPLETION_INDEX"];
/// The variable of HyperQueue, which ends a process with the signal by which others are told to finish what is under
/// way, and kills it a second later.
const HYPERQUEUE: &str = "HQ_TASK_ID";

/// The variable that sets a time limit.
const TIME: &str = "SPOTTER_TIME";

#[derive(Debug, Args)]
pub(crate) struct WorkCommand {
    /// The folder of the sweep's run.
    pub(crate) run: PathBuf,
    /// How many episodes run at once; by default the sweep file's `workers`.
    #[arg(short, long, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: Option<usize>,
    /// Time limit in seconds: episodes for which no time is left are not started, and those in flight are stopped a
    /// little before it, so that another process can continue them. By default the variable `SPOTTER_TIME`.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) time: Option<u64>,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: WorkCommand,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let time = args.time.map_or_else(time_of_environment, |time| Ok(Some(time))).map_err(Failed::Usage)?;
    let options = PilotOptions::new(index(), time.map(Duration::from_secs));
    let sweep = open(plugs, &args, providers).await.map_err(Failed::Usage)?;
    let workers = args.workers.unwrap_or_else(|| sweep.plan().workers());
    let engine = sweeping(&sweep, providers, workers)?;
    if std::env::var_os(HYPERQUEUE).is_none() {
        at_interrupt.drain(&engine.drain);
    }
    say(&format!("working on the sweep `{}`: {} episodes, {workers} at once", sweep.plan().run, sweep.episodes()));
    let time_is_over = async {
        match options.stops() {
            Some(stops) => tokio::time::sleep_until(stops.into()).await,
            None => std::future::pending().await,
        }
    };
    let counts = tokio::select! {
        counts = sweep.work(&engine, &options) => counts?,
        () = time_is_over => {
            say("the time limit was reached: episodes in flight are stopped; run the same command again to continue");
            return Ok(ExitCode::from(1));
        }
    };
    Ok(tell(&counts, engine.drain.is_cancelled()))
}

/// Opens the sweep as the command that began it planned it.
async fn open(plugs: &Plugs, args: &WorkCommand, providers: &Providers) -> anyhow::Result<Sweep> {
    let kept = Kept::read(&args.run)?;
    let run = args.run.canonicalize().with_context(|| format!("cannot find `{}`", args.run.display()))?;
    std::env::set_current_dir(&kept.folder).with_context(|| {
        format!("the sweep was started in `{}`, which does not exist on this machine", kept.folder.display())
    })?;
    let plan = kept.plan(plugs, &run)?;
    clean(plugs, &plan).await;
    Sweep::join(plan, providers).await
}

/// Returns the time limit from the environment.
fn time_of_environment() -> anyhow::Result<Option<u64>> {
    let text = std::env::var(TIME).ok();
    text.map(|text| seconds(&text)).transpose().map_err(|err| anyhow!("`{TIME}`: {err}"))
}

/// Returns the number of this process among those that an engine has started; any, where it was started by itself.
fn index() -> u64 {
    let of_engine = INDEXES.iter().find_map(|name| std::env::var(name).ok()?.parse().ok());
    of_engine.unwrap_or_else(|| u64::from(std::process::id()))
}
