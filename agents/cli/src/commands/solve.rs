//! `solve`: solves instances and judges the patches.

use std::borrow::Cow;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use dataset::select;
use env_core::Environment;
use runner::environments::{Providers, open, refuse_unsolvable};
use runner::run_folder::{FRESH, OtherSettings, open_cell, open_journal};
use runner::stages::{Attempt, Attempted, Cell, Models, Solved, Solving};
use runner::{Plugs, Resolved};

use super::engine::engine;
use super::run_folder::summarize;
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::on_console;
use crate::output::{print, print_json, to_json};
use crate::result::{InstanceResult, table};
use crate::settings::{Picked, Settings, workers};

#[derive(Debug, Args)]
pub(crate) struct Solve {
    /// The instances' ids; none for those of the dataset that `--filter`, `--shuffle` and `--slice` pick.
    #[arg(required_unless_present_any = ["filter", "slice", "shuffle"])]
    pub(crate) instances: Vec<String>,
    #[command(flatten)]
    picked: Picked,
    /// How many instances are solved at once.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: usize,
    /// Starts over, even if the run folder already contains a finished episode.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Prints the full reports as one JSON object keyed by instance id, instead of a short line for each instance.
    #[arg(long)]
    pub(crate) reports: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: Solve,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let wanted = wanted(&args, environment.as_ref()).map_err(Failed::Usage)?;
    let instances = wanted.iter().filter_map(|index| environment.instances().get(*index));
    refuse_unsolvable(&resolved, environment.as_ref(), instances).map_err(Failed::Usage)?;
    let models = Models::open(&resolved).map_err(Failed::Usage)?;
    let ids: Vec<String> = wanted.iter().map(|index| id(environment.as_ref(), *index)).collect();
    let others = if args.fresh { OtherSettings::StartOver(&ids) } else { OtherSettings::Refuse(FRESH) };
    let journal = open_journal(&resolved, &resolved.run_name())?;
    let cell_dir = open_cell(&resolved, &journal, resolved.plug.name, others)?;
    cell_dir.ask(ids.iter().map(String::as_str))?;
    let engine = engine(&resolved, providers, on_console(args.workers), args.workers);
    let mut cell = Cell::new(resolved, environment, Arc::new(models), cell_dir).map_err(Failed::Usage)?;
    cell.fresh = args.fresh;
    let cell = Arc::new(cell);
    let of_summary = cell.clone();
    at_interrupt.set(move || {
        if let Err(err) = tell_summary(&of_summary) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let told = |attempted: &(Attempt, Attempted)| {
        if args.reports { Ok(()) } else { print(&result(attempted).line()?) }
    };
    let attempts = wanted.into_iter().map(|index| Attempt { cell: cell.clone(), index }).collect();
    let solved = engine.run(&Arc::new(Solving), attempts, told).await?;
    if args.reports {
        let report = |(attempt, attempted): &(Attempt, Attempted)| {
            let verdict = outcome(attempt, attempted).ok().and_then(|solved| solved.verdict.as_ref());
            Ok((id(cell.environment.as_ref(), attempt.index), to_json(&verdict.map(|verdict| &verdict.report))?))
        };
        print_json(&solved.iter().map(report).collect::<anyhow::Result<serde_json::Map<_, _>>>()?)?;
    }
    let results: Vec<InstanceResult> = solved.iter().map(result).collect();
    say(&table(&results));
    at_interrupt.set(|| {});
    tell_summary(&cell)?;
    let is_well = |solved: &Solved| !solved.failed() && (solved.verdict.is_some() || !cell.resolved.config.evaluate);
    let all = solved.iter().all(|(attempt, attempted)| outcome(attempt, attempted).is_ok_and(is_well));
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell_summary(cell: &Cell) -> anyhow::Result<()> {
    let allowed = cell.resolved.config.evaluation.infrastructure;
    summarize(&cell.cell_dir, cell.environment.as_ref(), allowed).map(drop)
}

/// Returns the places of the instances that the arguments pick.
fn wanted(args: &Solve, environment: &dyn Environment) -> anyhow::Result<Vec<usize>> {
    Ok(select(environment.instances(), &args.picked.of(&args.instances))?)
}

fn id(environment: &dyn Environment, index: usize) -> String {
    environment.instances().get(index).map(|instance| instance.instance_id.clone()).unwrap_or_default()
}

/// Returns what came of an attempt, or why nothing did.
fn outcome<'a>(attempt: &Attempt, attempted: &'a Attempted) -> Result<&'a Solved, Cow<'a, str>> {
    match attempted {
        Attempted::Solved(solved) => Ok(solved),
        Attempted::Failed(why) => Err(why.as_str().into()),
        Attempted::Held => {
            let (cell, index) = (&attempt.cell, attempt.index);
            Err(cell.cell_dir.held(&id(cell.environment.as_ref(), index)).into())
        }
        Attempted::GivenUp => Err("it was not started".into()),
    }
}

fn result((attempt, attempted): &(Attempt, Attempted)) -> InstanceResult {
    let id = id(attempt.cell.environment.as_ref(), attempt.index);
    let folder = attempt.cell.cell_dir.instance_path(&id);
    let solved = outcome(attempt, attempted);
    InstanceResult::solved(&id, &folder, solved.as_ref().map(|solved| *solved).map_err(AsRef::as_ref))
}
