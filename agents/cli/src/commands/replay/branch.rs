//! Episodes continue live from a step of a recorded one.

use std::process::ExitCode;
use std::sync::Arc;

use env_core::{Environment, Instance};
use llm::{BudgetLimits, Gateways};
use runner::environments::{Providers, open, refuse_unsolvable};
use runner::replay::{Prefix, RecordedEpisode, other_settings};
use runner::run_folder::keep_settings;
use runner::stages::{Attempt, Attempted, Cell, Models, Solved, Solving};
use runner::{Plugs, Resolved};

use super::super::engine::engine;
use super::super::run_folder::summarize;
use super::{Replay, cell_dir, instance, others, outcome, refuse_own_run, resolve};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::on_console;
use crate::output::{print, show};
use crate::result::{InstanceResult, table};

pub(super) async fn run(
    plugs: &Plugs,
    args: &Replay,
    (record, step): (&RecordedEpisode, u64),
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let prefix = Prefix::new(record, step).map_err(Failed::Usage)?;
    let samples = settings(plugs, args, (record, step)).map_err(Failed::Usage)?;
    let Some(first) = samples.first().cloned() else { return Ok(ExitCode::SUCCESS) };
    let environment = open(&first, providers).await.map_err(Failed::Usage)?;
    let (index, instance) = instance(record, environment.as_ref()).map_err(Failed::Usage)?;
    check(&first, environment.as_ref(), (record, instance)).map_err(Failed::Usage)?;
    // The limits of a server hold for all branches together.
    let gateways = Gateways::new(None, BudgetLimits::default()).map_err(|err| Failed::Usage(err.into()))?;
    let models = samples.iter().map(|sample| Models::open_with(sample, &gateways));
    let models = models.collect::<anyhow::Result<Vec<_>>>().map_err(Failed::Usage)?;
    let of_cell = cell_dir(&first, record, args.fresh)?;
    let ids = [record.instance_id.clone()];
    let mut cells = Vec::new();
    for (sample, (resolved, models)) in (0..).zip(samples.into_iter().zip(models)) {
        let cell_dir = of_cell.of_sample(sample);
        let name = if sample == 0 { "config.yaml".to_owned() } else { format!("config.{sample}.yaml") };
        keep_settings(&resolved, &cell_dir, &name, others(&ids, args.fresh))?;
        cell_dir.ask([record.instance_id.as_str()])?;
        let mut cell = Cell::new(resolved, environment.clone(), Arc::new(models), cell_dir).map_err(Failed::Usage)?;
        (cell.fresh, cell.prefix) = (args.fresh, Some(prefix.clone()));
        cells.push(Arc::new(cell));
    }
    let of_summary = cells.clone();
    at_interrupt.set(move || {
        if let Err(err) = summaries(&of_summary) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let engine = engine(&first, providers, on_console(args.workers), args.workers);
    let attempts = cells.iter().map(|cell| Attempt { cell: cell.clone(), index }).collect();
    let told = |solved: &(Attempt, Attempted)| print(&result(record, solved).line()?);
    let solved = engine.run(&Arc::new(Solving), attempts, told).await?;
    let results: Vec<InstanceResult> = solved.iter().map(|solved| result(record, solved)).collect();
    say(&table(&results));
    at_interrupt.set(|| {});
    summaries(&cells)?;
    let is_well = |solved: &Solved| !solved.failed() && (solved.verdict.is_some() || !first.config.evaluate);
    let all = solved.iter().all(|solved| outcome(solved).is_ok_and(is_well));
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Returns the settings of each sample: they differ by the seed of the sampling, and the first has the one that is set.
fn settings(plugs: &Plugs, args: &Replay, (record, step): (&RecordedEpisode, u64)) -> anyhow::Result<Vec<Resolved>> {
    let run = format!("{}-from-{step}", record.run);
    let first = resolve(plugs, args, record, Some(&run), &[])?;
    refuse_own_run(record, &first, &first.run_name())?;
    let model = &first.config.model;
    if args.branches > 1 && model.temperature == Some(0.0) {
        say("warning: at `model.temperature` 0 the branches may all be the same\nhint: `-c model.temperature=0.5`");
    }
    let seed = model.seed.unwrap_or_default();
    let mut samples = vec![first];
    for sample in 1..args.branches {
        let seed = format!("model.seed={}", seed.wrapping_add(sample.into()));
        samples.push(resolve(plugs, args, record, Some(&run), &[seed])?);
    }
    Ok(samples)
}

/// Refuses what would not be the same episode any more, and reports what differs.
fn check(
    resolved: &Resolved,
    environment: &dyn Environment,
    (record, instance): (&RecordedEpisode, &Instance),
) -> anyhow::Result<()> {
    if let Some(other) = other_settings(record, resolved, instance, true)? {
        say(&format!("the reused steps were made with other settings: {other}"));
    }
    refuse_unsolvable(resolved, environment, [instance])
}

/// Writes the summary of each sample, and prints it if there is one.
fn summaries(cells: &[Arc<Cell>]) -> anyhow::Result<()> {
    for cell in cells {
        let allowed = cell.resolved.config.evaluation.infrastructure;
        match cells.len() {
            1 => drop(summarize(&cell.cell_dir, cell.environment.as_ref(), allowed)?),
            _ => drop(journal::write_summary(&cell.cell_dir, cell.environment.as_ref(), allowed)?),
        }
    }
    if let [first, _, ..] = cells {
        say(&format!("see {}", show(first.cell_dir.path())));
    }
    Ok(())
}

fn result(record: &RecordedEpisode, solved: &(Attempt, Attempted)) -> InstanceResult {
    let (id, cell_dir) = (record.instance_id.as_str(), &solved.0.cell.cell_dir);
    let outcome = outcome(solved);
    let outcome = outcome.as_ref().map(|solved| *solved).map_err(AsRef::as_ref);
    InstanceResult {
        sample: Some(cell_dir.sample()),
        ..InstanceResult::solved(id, &cell_dir.instance_path(id), outcome)
    }
}
