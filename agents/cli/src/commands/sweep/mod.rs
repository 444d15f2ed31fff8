//! `sweep`: many cells, instances and samples from one YAML file.

mod dry_run;
mod elsewhere;
pub(crate) mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use runner::engine::Engine;
use runner::environments::Providers;
use runner::plugs::host;
use runner::{Plugs, Settings};
use sweep::file::{EngineKind, File};
use sweep::plan::Plan;
use sweep::run::{Counts, Sweep};
use tool_core::SandboxError;

use elsewhere::Elsewhere;

use crate::commands::engine::engine;
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::counted;
use crate::output::print;
use crate::settings::workers;

#[derive(Debug, Args)]
pub(crate) struct SweepCommand {
    /// The sweep file, YAML; or the name of one that ships with the program, such as `smoke`.
    pub(crate) file: String,
    /// A layer of configuration over the file's `base`: a YAML file, or `key.path=value`. Later layers win.
    #[arg(short = 'c', long = "config", value_name = "FILE|KEY=VALUE")]
    pub(crate) layers: Vec<String>,
    /// Name of the run and of its folder; by default the file's `name`, else the file name.
    #[arg(short, long)]
    pub(crate) run: Option<String>,
    /// How many episodes run at once; by default the file's `workers`.
    #[arg(short, long, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: Option<usize>,
    /// Prints the cells, how many episodes they have, and their expected cost, without running them.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What runs it: this process, or processes that an engine starts on other machines; by default the file's
    /// `engine`.
    #[arg(long, value_parser = EngineKind::NAMES.map(|(name, _)| name))]
    pub(crate) engine: Option<String>,
    /// Works on the run even if other processes work on it.
    #[arg(long)]
    pub(crate) share: bool,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: SweepCommand,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let plan = plan(plugs, &args).map_err(Failed::Usage)?;
    let workers = args.workers.unwrap_or_else(|| plan.workers());
    let engine = &plan.file.spec.engine;
    let is_elsewhere = engine.kind != EngineKind::Local;
    let elsewhere = is_elsewhere.then(|| Elsewhere::open(engine)).transpose().map_err(Failed::Usage)?;
    if args.dry_run {
        let text = elsewhere.map(|elsewhere| elsewhere.text(&plan, workers)).transpose().map_err(Failed::Usage)?;
        return dry_run::run(&plan, providers, text).await;
    }
    clean(plugs, &plan).await;
    let sweep = Sweep::open(plan, providers, args.share).await.map_err(Failed::Usage)?;
    say(&format!(
        "sweep `{}`: {} cells, {} episodes, {workers} at once",
        sweep.plan().run,
        sweep.cells().len(),
        sweep.episodes()
    ));
    let sweep = Arc::new(sweep);
    let (interrupted, of_interrupt) = (sweep.clone(), elsewhere.clone());
    at_interrupt.set(move || {
        of_interrupt.iter().for_each(Elsewhere::cancel);
        let told = interrupted.finish().and_then(|()| interrupted.table());
        say(&told.unwrap_or_else(|err| format!("no summary could be written: {err:#}")));
    });
    let (counts, is_interrupted) = if let Some(elsewhere) = elsewhere {
        elsewhere.run(&sweep, workers, at_interrupt).await?
    } else {
        let engine = sweeping(&sweep, providers, workers)?;
        at_interrupt.drain(&engine.drain);
        (sweep.run(&engine).await?, engine.drain.is_cancelled())
    };
    at_interrupt.set(|| {});
    let code = tell(&counts, is_interrupted);
    print(&sweep.table()?)?;
    Ok(code)
}

/// Returns the engine of a sweep in this process.
fn sweeping(sweep: &Sweep, providers: &Providers, workers: usize) -> anyhow::Result<Engine> {
    let first = sweep.plan().cells.first().context("the sweep has no cell")?;
    let engine = engine(&first.resolved, providers, counted(), workers);
    Ok(Engine { spare: first.resolved.config.permits.spare(workers), ..engine })
}

/// Reads and plans the sweep that the arguments name.
fn plan(plugs: &Plugs, args: &SweepCommand) -> anyhow::Result<Plan> {
    let file = match sweep::shipped(&args.file) {
        Some(text) if !Path::new(&args.file).exists() => {
            File::parse(&PathBuf::from(format!("{}.yaml", args.file)), text.to_owned())?
        }
        _ => File::read(Path::new(&args.file))?,
    };
    let file = match args.engine.as_deref().and_then(EngineKind::named) {
        Some(kind) => file.with_engine(kind)?,
        None => file,
    };
    let stem = || Path::new(&args.file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let run = args.run.clone().or_else(|| file.spec.name.clone()).or_else(stem).unwrap_or_default();
    let settings = Settings { layers: args.layers.clone(), ..Settings::default() };
    Plan::new(file, plugs, &settings, &run)
}

/// Removes what processes that have died left of their sandboxes.
async fn clean(plugs: &Plugs, plan: &Plan) {
    let host = host();
    let is_used = |name: &str| plan.cells.iter().any(|cell| cell.resolved.config.sandbox.provider == name);
    for plug in plugs.sandboxes().iter().filter(|plug| is_used(plug.name)) {
        match plug.clean(&host, false).await {
            Ok(names) if names.is_empty() => {}
            Ok(names) => say(&format!("removed {} {} of processes that have died", names.len(), plug.sandboxes)),
            // A command that needs the provider will report its error.
            Err(SandboxError::Unavailable(_)) => {}
            Err(err) => say(&format!("warning: the leftovers of dead processes were not removed: {err}")),
        }
    }
}

/// Prints what became of the episodes; returns the exit code.
fn tell(counts: &Counts, is_interrupted: bool) -> ExitCode {
    let Counts { solved, unsolved, not_judged, infrastructure, left, elsewhere, kept, stopped } = counts;
    let parts = [
        (*solved, "solved"),
        (*unsolved, "unsolved"),
        (*not_judged, "not judged"),
        (*infrastructure, "infrastructure"),
        (*left, "left"),
        (*elsewhere, "ended by others"),
        (*kept, "from before"),
    ];
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if !shown.is_empty() {
        say(&shown.join(", "));
    }
    if let Some(why) = stopped {
        say(&format!("stopped: {why}"));
    }
    let is_whole = stopped.is_none() && *infrastructure == 0 && !is_interrupted;
    if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
