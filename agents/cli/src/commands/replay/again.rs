//! A recorded episode is run again with its own answers, and compared with its record.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::{Record, Trajectory};
use anyhow::{Context, anyhow};
use journal::{CellDir, read_text};
use runner::engine::{Event, Listener};
use runner::environments::{Providers, open};
use runner::replay::{Comparison, LiveComparison, RecordedEpisode, compare, other_settings};
use runner::shown::short;
use runner::stages::{Attempt, Cell, Models, Solving};
use runner::{Plugs, Resolved};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::super::engine::engine;
use super::{Replay, cell_dir, instance, outcome, quoted, refuse_own_run, resolve};
use crate::console::say;
use crate::failed::Failed;
use crate::listener::on_console;
use crate::output::{print, show};

/// Name of the run that a replay is in which is not kept.
const REPLAY: &str = "replay";

/// What a replay prints.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a str,
    cell: &'a str,
    instance_id: &'a str,
    sample: u32,
    #[serde(flatten)]
    comparison: &'a Comparison,
    /// Where the replay was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
}

pub(super) async fn run(
    plugs: &Plugs,
    args: &Replay,
    record: &RecordedEpisode,
    providers: &Providers,
) -> Result<ExitCode, Failed> {
    let temporary = tempfile::tempdir().context("cannot create a temporary folder")?;
    let opened = settle(plugs, args, record, temporary.path()).map_err(Failed::Usage)?;
    let Opened { resolved, models, is_kept } = opened;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let (index, instance) = instance(record, environment.as_ref()).map_err(Failed::Usage)?;
    if let Some(other) = other_settings(record, &resolved, instance, false).map_err(Failed::Usage)? {
        say(&format!("the settings of the replay differ from those of the record: {other}"));
    }
    let id = record.instance_id.as_str();
    let cell_dir = cell_dir(&resolved, record, args.fresh)?;
    cell_dir.ask([id])?;
    let watch = Arc::new(Watch::new(record.trajectory.clone(), args.stop));
    let engine = engine(&resolved, providers, on_console(1).and(watch.clone()), 1);
    let mut cell = Cell::new(resolved, environment.clone(), Arc::new(models), cell_dir).map_err(Failed::Usage)?;
    cell.fresh = args.fresh;
    let cell = Arc::new(cell);
    let (work, attempts) = (Arc::new(Solving), vec![Attempt { cell: cell.clone(), index }]);
    let solved = tokio::select! {
        solved = engine.run(&work, attempts, |_| Ok(())) => solved?.into_iter().next(),
        () = watch.stop.cancelled() => None,
    };
    let now = match solved {
        Some(solved) => match outcome(&solved) {
            Ok(_) => recorded(&cell.cell_dir, id)?,
            Err(why) => return Err(Failed::Run(anyhow!("{why}"))),
        },
        None => watch.now(),
    };
    // What was aborted releases its files before they are removed.
    providers.tasks.close();
    providers.tasks.wait().await;
    let comparison = compare(&record.trajectory, &now);
    let folder = is_kept.then(|| cell.cell_dir.instance_path(id).display().to_string());
    tell(record, &comparison, folder)
}

/// Prints the comparison, as JSON and as text.
fn tell(record: &RecordedEpisode, comparison: &Comparison, folder: Option<String>) -> Result<ExitCode, Failed> {
    let RecordedEpisode { run, cell, instance_id, sample, .. } = record;
    let line = Line { run, cell, instance_id, sample: *sample, comparison, folder };
    print(&(serde_json::to_string(&line).context("the comparison cannot be written as JSON")? + "\n"))?;
    say(&table(record, comparison));
    Ok(if comparison.equal { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The settings of a replay, with its answers.
struct Opened {
    resolved: Resolved,
    models: Models,
    /// Whether it is kept as a run.
    is_kept: bool,
}

/// Returns the settings of a replay, with its answers. No key is needed: embeddings that have none are left out.
fn settle(plugs: &Plugs, args: &Replay, record: &RecordedEpisode, temporary: &Path) -> anyhow::Result<Opened> {
    let (resolved, is_kept) = settings(plugs, args, record, temporary, &[])?;
    match Models::open(&resolved) {
        Ok(models) => Ok(Opened { resolved, models, is_kept }),
        Err(err) if resolved.config.embeddings.name.is_some() => {
            say(&format!("code search runs without the record's embeddings: {err:#}"));
            let (resolved, is_kept) = settings(plugs, args, record, temporary, &["embeddings.name=null"])?;
            Ok(Opened { models: Models::open(&resolved)?, resolved, is_kept })
        }
        Err(err) => Err(err),
    }
}

fn settings(
    plugs: &Plugs,
    args: &Replay,
    record: &RecordedEpisode,
    temporary: &Path,
    more: &[&str],
) -> anyhow::Result<(Resolved, bool)> {
    let always = ["model.provider=replay", "model.on_divergence=ignore", "model.record=null"];
    let mut forced: Vec<String> = always.iter().chain(more).map(|layer| (*layer).to_owned()).collect();
    forced.push(format!("model.path={}", quoted(&record.path().to_string_lossy())));
    let resolved = resolve(plugs, args, record, None, &forced)?;
    if let Some(run) = &resolved.config.run {
        refuse_own_run(record, &resolved, run)?;
        return Ok((resolved, true));
    }
    forced.extend([format!("runs={}", quoted(&temporary.to_string_lossy())), format!("run={REPLAY}")]);
    forced.push("evaluate=false".to_owned());
    Ok((resolve(plugs, args, record, None, &forced)?, false))
}

/// Reads what the replay recorded.
fn recorded(cell_dir: &CellDir, id: &str) -> anyhow::Result<Trajectory> {
    let path = cell_dir.instance_path(id).join("trajectory.jsonl");
    let text = read_text(&path)?.with_context(|| format!("the replay has left no {}", show(&path)))?;
    Trajectory::parse(&text).map_err(|err| anyhow!("{} is damaged: {err}", show(&path)))
}

/// Returns the comparison as text for the user.
fn table(record: &RecordedEpisode, comparison: &Comparison) -> String {
    let [equal, all] = comparison.observations;
    let patch = match comparison.patch_equal {
        Some(true) => "the same patch",
        Some(false) => "a different patch",
        None => "no patch to compare",
    };
    let [then, now] = comparison.exit_status.each_ref().map(|status| status.as_deref().unwrap_or("unfinished"));
    let ended = if then == now { then.to_owned() } else { format!("{now}, not {then}") };
    let mut lines = vec![format!(
        "{}: {} ({} steps, {equal} of {all} observations the same, {patch}, {ended})",
        record.name(),
        if comparison.equal { "replays without a difference" } else { "diverges" },
        comparison.steps,
    )];
    if let Some(first) = &comparison.first {
        let call = [first.tool.clone(), first.arguments.as_deref().map(short)].into_iter().flatten();
        let call = call.collect::<Vec<_>>().join(" ");
        lines.push(format!("the first of {} at step {}: {call}: {}", comparison.divergences, first.step, first.why));
        lines.extend(first.diff.clone());
    }
    if let Some(diff) = &comparison.patch_diff {
        lines.push(format!("the patch:\n{diff}"));
    }
    lines.join("\n")
}

/// Watches a replay, and has it stopped where it diverges.
struct Watch {
    stops: bool,
    seen: Mutex<(Vec<Record>, LiveComparison)>,
    stop: CancellationToken,
}

impl Watch {
    fn new(then: Trajectory, stops: bool) -> Self {
        Self { stops, seen: Mutex::new((Vec::new(), LiveComparison::new(then))), stop: CancellationToken::new() }
    }

    /// Returns what has been recorded.
    fn now(&self) -> Trajectory {
        let records = self.seen.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        Trajectory { records, torn: false }
    }
}

impl Listener for Watch {
    fn hear(&self, event: &Event<'_>) {
        let Event::Recorded { record, .. } = event else { return };
        if !self.stops || self.stop.is_cancelled() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (records, following) = &mut *seen;
        records.push((*record).clone());
        if following.differs(record) {
            self.stop.cancel();
        }
    }
}
