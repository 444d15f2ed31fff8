//! `evaluate`: judges patches that are already there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use env_core::{Environment, Instance, find_instance};
use grading::read_prediction;
use journal::Prediction;
use journal::Summary;
use journal::file_name;
use runner::Plugs;
use runner::Resolved;
use runner::config::digest;
use runner::environments::{Providers, open, refuse_unjudgeable};
use runner::run_folder::open_journal;
use runner::shown::harmless;
use runner::stages::{Chosen, Evaluation, Job, Judged, ModelCell, choose, is_word, models, name_cells};

use super::engine::engine;
use super::run_folder::{open_judged, summarize};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::counted;
use crate::output::{Entries, print, show};
use crate::result::{InstanceResult, table};
use crate::settings::{Settings, seconds, workers};

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The patches: a `preds.jsonl`, a `preds.json` (a list, or keyed by instance id), OpenHands' `output.jsonl`, the
    /// folder of a run, or the word `gold` or `empty`.
    #[arg(short, long)]
    pub(crate) predictions: String,
    /// Only these instances.
    pub(crate) instances: Vec<String>,
    /// How many patches are judged at once.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: usize,
    /// Seconds that the tests of an instance may take. Short for `-c env.eval_timeout=…`.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<u64>,
    /// Skips predictions for instances that are not in the dataset, or whose patches cannot be judged here.
    #[arg(long)]
    pub(crate) skip_unknown: bool,
    /// Reports a rate even if up to this share of the patches failed because of infrastructure. Short for
    /// `-c evaluation.infrastructure=…`.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) allow_infrastructure: Option<f64>,
    /// Also writes the summary of each model to this folder, under the official harness's name `<model>.<run>.json`.
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// Prints the full reports as one JSON object keyed by instance id, instead of a short line for each instance.
    #[arg(long)]
    pub(crate) reports: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: Evaluate,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.layered(), &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let chosen = choose(&args.predictions, environment.as_ref(), &args.instances, args.skip_unknown);
    let Chosen { mut predictions, remarks } = chosen.map_err(Failed::Usage)?;
    remarks.iter().for_each(|remark| say(remark));
    if args.skip_unknown {
        skip_unjudgeable(environment.as_ref(), &mut predictions);
    }
    let judged = predictions.iter().filter_map(|one| find_instance(environment.instances(), &one.instance_id).ok());
    let hint = "fix its row, or skip it with `--skip-unknown`";
    refuse_unjudgeable(environment.as_ref(), judged.clone(), hint).map_err(Failed::Usage)?;
    warn_of_easy(environment.as_ref(), judged);
    // The patches are part of what the run is, so that two files never share a folder by chance.
    let made = || {
        let dataset = resolved.config.env.dataset.as_deref().unwrap_or_default();
        let parts = predictions.iter().flat_map(|one| [one.instance_id.as_str(), one.patch_text()]);
        format!("evaluate-{}", digest(&[dataset].into_iter().chain(parts).collect::<Vec<_>>()))
    };
    let run_name = resolved.config.run.clone().unwrap_or_else(made);
    let cells = open_cells(&resolved, &run_name, &predictions, is_word(&args.predictions))?;
    ask(&cells, environment.as_ref(), &args.instances, &predictions)?;
    let config = resolved.config.evaluation.clone();
    let (of_summary, allowed) = ((cells.clone(), environment.clone()), config.infrastructure);
    at_interrupt.set(move || {
        if let Err(err) = summarize_all(&of_summary.0, of_summary.1.as_ref(), allowed) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let engine = engine(&resolved, providers, counted(), args.workers);
    let evaluation = Arc::new(Evaluation { environment, config, runs: resolved.config.runs.clone() });
    let line = |judged: &Judged| if args.reports { Ok(()) } else { print(&result(judged).line()?) };
    let judged = engine.run(&evaluation, jobs(&cells, predictions), line).await?;
    let results: Vec<InstanceResult> = judged.iter().map(result).collect();
    if args.reports {
        print_reports(&cells, &results)?;
    }
    say(&table(&results));
    let summaries = summarize_all(&cells, evaluation.environment.as_ref(), allowed)?;
    at_interrupt.set(|| {});
    if let Some(folder) = &args.report_dir {
        write_official(folder, &cells, &summaries, &run_name)?;
    }
    let all = results.iter().all(|result| result.resolved.is_some());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Says which instances ask for no test that the fix must turn; every harness counts an empty list as passed.
fn warn_of_easy<'a>(environment: &dyn Environment, instances: impl Iterator<Item = &'a Instance>) {
    let is_easy =
        |instance: &&Instance| environment.lists(instance).is_ok_and(|(_, lists)| lists.fail_to_pass.is_empty());
    let easy: BTreeSet<&str> = instances.filter(is_easy).map(|instance| instance.instance_id.as_str()).collect();
    if let Some(first) = easy.first() {
        say(&format!(
            "warning: no FAIL_TO_PASS test is named for {} of the instances, such as `{first}`: a patch resolves them \
             that keeps PASS_TO_PASS",
            easy.len()
        ));
    }
}

/// Leaves out the predictions for instances that cannot be judged here, and says which.
fn skip_unjudgeable(environment: &dyn Environment, predictions: &mut Vec<Prediction>) {
    predictions.retain(|one| {
        let found = find_instance(environment.instances(), &one.instance_id);
        match found.and_then(|instance| environment.check_judging(instance)) {
            Ok(()) => true,
            Err(err) => {
                say(&format!("left out: {err}"));
                false
            }
        }
    });
}

/// Opens a cell for each model and puts its predictions there.
fn open_cells(
    resolved: &Resolved,
    run: &str,
    predictions: &[Prediction],
    is_word: bool,
) -> anyhow::Result<Vec<ModelCell>> {
    let models = models(predictions);
    let journal = open_journal(resolved, run)?;
    let names = name_cells(&journal, &models, predictions, is_word);
    let mut cells = Vec::new();
    for (model, name) in models.into_iter().zip(names) {
        let cell_dir = open_judged(resolved, &journal, &name)?;
        cell_dir.put_predictions(predictions.iter().filter(|one| one.model_name_or_path == model))?;
        cells.push(ModelCell { model: model.to_owned(), name, cell_dir });
    }
    Ok(cells)
}

/// Notes in each cell what was asked for: the instances that were selected, or else those of its predictions.
fn ask(
    cells: &[ModelCell],
    environment: &dyn Environment,
    only: &[String],
    predictions: &[Prediction],
) -> anyhow::Result<()> {
    let found = only.iter().map(|id| find_instance(environment.instances(), id));
    let selected = found.collect::<Result<Vec<_>, _>>()?;
    for ModelCell { model, cell_dir, .. } in cells {
        let own = predictions.iter().filter(|one| one.model_name_or_path == *model);
        let own: HashSet<&str> = own.map(|one| one.instance_id.as_str()).collect();
        let missing = selected.iter().filter(|one| !own.contains(one.instance_id.as_str()));
        missing.for_each(|one| say(&format!("{}: there is no prediction for it", one.instance_id)));
        cell_dir.ask(if only.is_empty() {
            own
        } else {
            selected.iter().map(|one| one.instance_id.as_str()).collect()
        })?;
    }
    Ok(())
}

/// Returns each prediction with its model's cell.
fn jobs(cells: &[ModelCell], predictions: Vec<Prediction>) -> Vec<Job> {
    let names_model = cells.len() > 1;
    let job = |prediction: Prediction| {
        let cell = cells.iter().find(|cell| cell.model == prediction.model_name_or_path)?;
        Some(Job { cell_dir: cell.cell_dir.clone(), cell: cell.name.clone(), prediction, names_model })
    };
    predictions.into_iter().filter_map(job).collect()
}

fn result(judged: &Judged) -> InstanceResult {
    let Job { prediction, cell_dir, names_model, .. } = &judged.job;
    let patch = prediction.model_patch.as_deref().map(read_prediction);
    let (id, patch) = (prediction.instance_id.as_str(), patch.as_ref().map(|patch| patch.0.as_str()));
    let verdict = judged.verdict.as_ref().map(|(verdict, _)| verdict).map_err(String::as_str);
    let mut result = InstanceResult::judged(id, &cell_dir.instance_path(id), patch, verdict);
    result.model = names_model.then(|| prediction.model_name_or_path.clone());
    result
}

/// Prints the reports as one object, by instance id; below the model where there are several.
fn print_reports(cells: &[ModelCell], results: &[InstanceResult]) -> anyhow::Result<()> {
    let mut entries = Entries::begin()?;
    match cells {
        [cell] => {
            for result in results {
                entries.add(&result.instance_id, &cell.cell_dir.report(&result.instance_id))?;
            }
        }
        _ => {
            for ModelCell { model, cell_dir, .. } in cells {
                let own = results.iter().filter(|result| result.model.as_ref() == Some(model));
                let reports: BTreeMap<&str, _> =
                    own.map(|result| (result.instance_id.as_str(), cell_dir.report(&result.instance_id))).collect();
                entries.add(model, &reports)?;
            }
        }
    }
    entries.end()
}

/// Writes and prints the summary of each cell.
fn summarize_all(cells: &[ModelCell], environment: &dyn Environment, allowed: f64) -> anyhow::Result<Vec<Summary>> {
    let one = |cell: &ModelCell| {
        if cells.len() > 1 {
            say(&format!("{}:", harmless(&cell.model)));
        }
        summarize(&cell.cell_dir, environment, allowed)
    };
    cells.iter().map(one).collect()
}

/// Writes the official summary of each model into a folder.
fn write_official(folder: &Path, cells: &[ModelCell], summaries: &[Summary], run: &str) -> anyhow::Result<()> {
    let mut taken = HashSet::new();
    for (cell, summary) in cells.iter().zip(summaries) {
        let run = match taken.insert(file_name(&cell.model).to_lowercase()) {
            true => run.to_owned(),
            false => format!("{run}-{}", digest(&[&cell.model])),
        };
        say(&format!("official summary: {}", show(&summary.write_official(folder, &run)?)));
    }
    Ok(())
}

impl Evaluate {
    /// Returns the settings with the short forms of this command as their last layers.
    fn layered(&self) -> runner::Settings {
        let mut settings = self.settings.layered();
        let timeout = self.timeout.map(|seconds| format!("env.eval_timeout={seconds}"));
        let share = self.allow_infrastructure.map(|share| format!("evaluation.infrastructure={share}"));
        settings.layers.extend([timeout, share].into_iter().flatten());
        settings
    }
}
