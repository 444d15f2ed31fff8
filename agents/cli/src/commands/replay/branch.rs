//! Episodes go on live from a step of a recorded one.

use std::process::ExitCode;
use std::sync::Arc;

use env_core::{Environment, Instance};
use journal::CellDir;
use runner::environments::{Providers, open, refuse_unjudgeable};
use runner::replay::{Prefix, RecordedEpisode, Sibling, Siblings, other_settings};
use runner::stages::{Cell, Models, Solved, prompts};
use runner::{Plugs, Resolved};

use super::super::engine::engine;
use super::super::run_folder::{Others, open_journal, open_run, summarize};
use super::{Replay, instance, refuse_own_run, resolve};
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
    let instance = instance(record, environment.as_ref()).map_err(Failed::Usage)?;
    check(&first, environment.as_ref(), (record, &instance)).map_err(Failed::Usage)?;
    let mut parts = Vec::new();
    for resolved in samples {
        let models = Models::open(&resolved).map_err(Failed::Usage)?;
        parts.push((prompts(&resolved).map_err(Failed::Usage)?, models, resolved));
    }
    let cell_dir = cell_dir(&first, record, args.fresh)?;
    let mut cells = Vec::new();
    for (sample, (prompts, models, resolved)) in (0..).zip(parts) {
        let (cell_dir, dataset_revision) = (cell_dir.of_sample(sample), resolved.dataset_revision());
        cell_dir.ask([instance.instance_id.as_str()])?;
        let (environment, prefix, fresh) = (environment.clone(), Some(prefix.clone()), args.fresh);
        let cell = Cell { resolved, environment, models, prompts, cell_dir, dataset_revision, fresh, prefix };
        cells.push(Arc::new(cell));
    }
    let of_summary = cells.clone();
    at_interrupt.set(move || {
        if let Err(err) = summaries(&of_summary) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let engine = engine(&first, providers, on_console(args.workers), args.workers);
    let siblings = cells.iter().map(|cell| Sibling { cell: cell.clone(), instance: instance.clone() }).collect();
    let told = |(cell, (instance, solved)): &(Arc<Cell>, (Instance, Result<Solved, String>))| {
        print(&result(cell, instance, solved).line()?)
    };
    let solved = engine.run(&Arc::new(Siblings), siblings, told).await?;
    let results: Vec<InstanceResult> =
        solved.iter().map(|(cell, (instance, solved))| result(cell, instance, solved)).collect();
    say(&table(&results));
    at_interrupt.set(|| {});
    summaries(&cells)?;
    let is_well =
        |cell: &Cell, solved: &Solved| !solved.failed() && (solved.verdict.is_some() || !cell.resolved.config.evaluate);
    let all = solved.iter().all(|(cell, (_, solved))| solved.as_ref().is_ok_and(|solved| is_well(cell, solved)));
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

/// Refuses what would not be the same episode any more, and tells of what is not as it was.
fn check(
    resolved: &Resolved,
    environment: &dyn Environment,
    (record, instance): (&RecordedEpisode, &Instance),
) -> anyhow::Result<()> {
    if let Some(other) = other_settings(record, resolved, instance, true)? {
        say(&format!("the steps that are taken over were made with other settings: {other}"));
    }
    if resolved.config.evaluate {
        let hint = "`-c evaluate=false` goes on all the same, without a verdict";
        refuse_unjudgeable(environment, std::slice::from_ref(instance), hint)?;
    }
    Ok(())
}

/// Makes the folder of the run.
fn cell_dir(resolved: &Resolved, record: &RecordedEpisode, fresh: bool) -> anyhow::Result<CellDir> {
    let ids = [record.instance_id.clone()];
    let others = if fresh { Others::StartOver(&ids) } else { Others::Refuse };
    let journal = open_journal(resolved, &resolved.run_name())?;
    open_run(resolved, &journal, &record.cell, others)
}

/// Writes the summary of each sample, and tells of it where there is one.
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

fn result(cell: &Cell, instance: &Instance, solved: &Result<Solved, String>) -> InstanceResult {
    let folder = cell.cell_dir.instance_path(&instance.instance_id);
    let result = InstanceResult::solved(&instance.instance_id, &folder, solved.as_ref().map_err(String::as_str));
    InstanceResult { sample: Some(cell.cell_dir.sample()), ..result }
}
