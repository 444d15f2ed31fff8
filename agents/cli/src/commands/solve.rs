//! `solve`: solves instances and judges the patches.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use dataset::{Selection, select};
use env_core::{Environment, Instance};
use runner::environments::{Providers, open, refuse_unjudgeable};
use runner::stages::{Cell, Models, Solved, prompts};
use runner::{Plugs, Resolved};

use super::engine::engine;
use super::run_folder::{Others, open_journal, open_run, summarize};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::on_console;
use crate::output::{print, print_json, to_json};
use crate::result::{InstanceResult, table};
use crate::settings::{Settings, workers};

#[derive(Debug, Args)]
pub(crate) struct Solve {
    /// The instances' ids; none for those of the dataset that `--filter`, `--shuffle` and `--slice` pick.
    #[arg(required_unless_present_any = ["filter", "slice", "shuffle"])]
    pub(crate) instances: Vec<String>,
    /// Only ids that this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<String>,
    /// Takes them in an order that goes by this number: the same on any machine.
    #[arg(long, value_name = "SEED")]
    pub(crate) shuffle: Option<u64>,
    /// Of these, only those from one place to another, such as `:50` or `-10:`.
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub(crate) slice: Option<String>,
    /// How many instances are solved at once.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: usize,
    /// Starts over, even where the run folder holds a finished episode.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Prints the full reports as one JSON object keyed by instance id, in the place of a short line for each instance.
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
    check(&resolved, environment.as_ref(), &wanted).map_err(Failed::Usage)?;
    let models = Models::open(&resolved).map_err(Failed::Usage)?;
    let prompts = prompts(&resolved).map_err(Failed::Usage)?;
    let ids: Vec<String> = wanted.iter().map(|instance| instance.instance_id.clone()).collect();
    let others = if args.fresh { Others::StartOver(&ids) } else { Others::Refuse };
    let journal = open_journal(&resolved, &resolved.run_name())?;
    let cell_dir = open_run(&resolved, &journal, resolved.plug.name, others)?;
    cell_dir.ask(ids.iter().map(String::as_str))?;
    let dataset_revision = resolved.dataset_revision();
    let engine = engine(&resolved, providers, on_console(args.workers), args.workers);
    let (fresh, prefix) = (args.fresh, None);
    let cell = Cell { resolved, environment, models, prompts, cell_dir, dataset_revision, fresh, prefix };
    let cell = Arc::new(cell);
    let of_summary = cell.clone();
    at_interrupt.set(move || {
        if let Err(err) = tell_summary(&of_summary) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let told = |(instance, solved): &(Instance, Result<Solved, String>)| {
        if args.reports { Ok(()) } else { print(&result(&cell, instance, solved).line()?) }
    };
    let solved = engine.run(&cell, wanted, told).await?;
    if args.reports {
        let report = |(instance, solved): &(Instance, Result<Solved, String>)| {
            let verdict = solved.as_ref().ok().and_then(|solved| solved.verdict.as_ref());
            Ok((instance.instance_id.clone(), to_json(&verdict.map(|verdict| &verdict.report))?))
        };
        print_json(&solved.iter().map(report).collect::<anyhow::Result<serde_json::Map<_, _>>>()?)?;
    }
    let results: Vec<InstanceResult> =
        solved.iter().map(|(instance, solved)| result(&cell, instance, solved)).collect();
    say(&table(&results));
    at_interrupt.set(|| {});
    tell_summary(&cell)?;
    let is_well = |solved: &Solved| !solved.failed() && (solved.verdict.is_some() || !cell.resolved.config.evaluate);
    let all = solved.iter().all(|(_, solved)| solved.as_ref().is_ok_and(is_well));
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell_summary(cell: &Cell) -> anyhow::Result<()> {
    let allowed = cell.resolved.config.evaluation.infrastructure;
    summarize(&cell.cell_dir, cell.environment.as_ref(), allowed).map(drop)
}

/// Returns the instances that the arguments pick.
fn wanted(args: &Solve, environment: &dyn Environment) -> anyhow::Result<Vec<Instance>> {
    let selection = Selection {
        ids: args.instances.clone(),
        filter: args.filter.clone(),
        shuffle: args.shuffle,
        slice: args.slice.clone(),
    };
    Ok(select(environment.instances(), &selection)?.into_iter().cloned().collect())
}

/// Refuses instances of which no episode could come to its end.
fn check(resolved: &Resolved, environment: &dyn Environment, wanted: &[Instance]) -> anyhow::Result<()> {
    if let Some(mute) = wanted.iter().find(|instance| instance.problem_statement.trim().is_empty()) {
        let id = &mute.instance_id;
        anyhow::bail!("`{id}` has no issue text\nhint: put it into the column `problem_statement` of its row");
    }
    if resolved.config.evaluate {
        // An episode is too dear to end without the verdict that was asked for.
        let hint = "`-c evaluate=false` solves it all the same, without a verdict";
        refuse_unjudgeable(environment, wanted, hint)?;
    }
    Ok(())
}

fn result(cell: &Cell, instance: &Instance, solved: &Result<Solved, String>) -> InstanceResult {
    let folder = cell.cell_dir.instance_path(&instance.instance_id);
    InstanceResult::solved(&instance.instance_id, &folder, solved.as_ref().map_err(String::as_str))
}
