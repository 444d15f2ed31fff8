//! `replay`: runs a recorded episode again with no model, or continues from one of its steps with one.

mod again;
mod branch;

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use dataset::{Selection, select};
use env_core::{Environment, Instance};
use journal::{CellDir, file_name};
use runner::environments::Providers;
use runner::replay::{RecordedEpisode, check_agent, find};
use runner::run_folder::{FRESH, OtherSettings, open_cell, open_journal};
use runner::stages::{Attempt, Attempted, Solved};
use runner::{Plugs, Resolved};

use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::settings::{Settings, workers};

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The episode: `RUN/CELL/ID`, with `/SAMPLE` for a sample other than the first; a part of that if it names only
    /// one episode of the run, such as `RUN/ID`; or the path of its folder.
    pub(crate) episode: String,
    /// Stops at the first difference; otherwise the recorded answers are followed to the end.
    #[arg(long, conflicts_with = "from_step")]
    pub(crate) stop: bool,
    /// Reuses this number of steps of the episode, and continues live from there.
    #[arg(long, value_name = "STEPS")]
    pub(crate) from_step: Option<u64>,
    /// How many episodes continue from that step: the samples 0, 1 and so on of one run.
    #[arg(long, value_name = "N", requires = "from_step", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) branches: u32,
    /// How many of them run at once.
    #[arg(short, long, requires = "from_step", default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: usize,
    /// Starts over, even if the run that is written already contains a finished episode.
    #[arg(long)]
    pub(crate) fresh: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: Replay,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let record = find(&args.settings.layered().runs(), &args.episode).map_err(Failed::Usage)?;
    check_agent(&record, args.settings.agent.as_deref()).map_err(Failed::Usage)?;
    match args.from_step {
        Some(step) => branch::run(plugs, &args, (&record, step), providers, at_interrupt).await,
        None if args.settings.model.is_some() => {
            let hint = "hint: `--from-step STEPS` continues with one";
            Err(Failed::Usage(anyhow!("a replay queries no model, so `--model` has no effect\n{hint}")))
        }
        None => again::run(plugs, &args, &record, providers).await,
    }
}

/// Resolves the settings of the record with those of the command line over them, and `forced` over both. The run is
/// `run` where the command line names none.
pub(super) fn resolve(
    plugs: &Plugs,
    args: &Replay,
    record: &RecordedEpisode,
    run: Option<&str>,
    forced: &[String],
) -> anyhow::Result<Resolved> {
    let mut settings = args.settings.layered();
    let runs = settings.runs();
    let mut layers = record.layers();
    layers.push(format!("runs={}", quoted(&runs.to_string_lossy())));
    layers.push(format!("run={}", run.map_or("null".to_owned(), quoted)));
    if args.settings.model.is_some() {
        // The record's own answers may have come from a file.
        layers.push("model.provider=openai".to_owned());
    }
    layers.append(&mut settings.layers);
    layers.extend(forced.iter().cloned());
    settings.layers = layers;
    settings.agent = Some(record.header.agent.clone());
    Resolved::load(plugs, &settings, std::slice::from_ref(&record.instance_id))
}

/// Returns a text as it stands in YAML.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns the place of the record's instance in the dataset, and the instance.
pub(super) fn instance<'a>(
    record: &RecordedEpisode,
    environment: &'a dyn Environment,
) -> anyhow::Result<(usize, &'a Instance)> {
    let selection = Selection { ids: vec![record.instance_id.clone()], filter: None, shuffle: None, slice: None };
    let index = select(environment.instances(), &selection)?.into_iter().next();
    let found = index.and_then(|index| Some((index, environment.instances().get(index)?)));
    found.ok_or_else(|| anyhow!("the dataset has no instance `{}`", record.instance_id))
}

/// Returns what came of an attempt, or why nothing did.
pub(super) fn outcome<'a>((attempt, attempted): &'a (Attempt, Attempted)) -> Result<&'a Solved, Cow<'a, str>> {
    let id = attempt.instance().map_or("", |instance| instance.instance_id.as_str());
    match attempted {
        Attempted::Solved(solved) => Ok(solved),
        Attempted::Failed(why) => Err(why.as_str().into()),
        Attempted::Held => Err(attempt.cell.cell_dir.held(id).into()),
        Attempted::GivenUp => Err("it was not started".into()),
    }
}

/// Makes the folder of the cell that is written into.
pub(super) fn cell_dir(resolved: &Resolved, record: &RecordedEpisode, fresh: bool) -> anyhow::Result<CellDir> {
    let ids = [record.instance_id.clone()];
    let journal = open_journal(resolved, &resolved.run_name())?;
    open_cell(resolved, &journal, &record.cell, others(&ids, fresh))
}

/// Returns what becomes of a folder that was made with other settings.
pub(super) fn others(ids: &[String], fresh: bool) -> OtherSettings<'_> {
    if fresh { OtherSettings::StartOver(ids) } else { OtherSettings::Refuse(FRESH) }
}

/// Refuses to write into the run that the record is in.
pub(super) fn refuse_own_run(record: &RecordedEpisode, resolved: &Resolved, run: &str) -> anyhow::Result<()> {
    let written = resolved.config.runs.join(file_name(run));
    let is_own = written.canonicalize().is_ok_and(|written| Some(written) == record.run_folder());
    if is_own {
        bail!(
            "`{}` is in the run `{run}`, which a replay does not write in\nhint: choose another `--run`",
            record.name()
        );
    }
    Ok(())
}
