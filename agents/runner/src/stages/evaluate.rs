//! Judges patches that are already there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use env_core::{EnvError, Environment, Failure, Instance, Report, Verdict, find_instance};
use grading::{read_prediction, write_report};
use images::NeededImage;
use journal::{CellDir, EpisodeDir, Prediction, Predictions, VERDICT_FILES, read_predictions, verdict_line};

use super::judge::Judge;
use crate::config::EvaluationConfig;
use crate::engine::{Ending, INFRASTRUCTURE, Stage, Work, WorkItem, Worker, wanted};
use crate::shown::harmless;

/// How many unknown ids and remarks are listed.
const LISTED: usize = 10;

/// What the judging of many patches shares.
pub struct Evaluation {
    /// Judges.
    pub environment: Arc<dyn Environment>,
    /// What is done when infrastructure breaks.
    pub config: EvaluationConfig,
    /// The folder of all runs.
    pub runs: PathBuf,
}

/// A prediction with the folder that its verdict goes into.
#[derive(Debug, Clone)]
pub struct Job {
    /// The prediction.
    pub prediction: Prediction,
    /// Where its verdict goes.
    pub cell_dir: CellDir,
    /// Name of the cell.
    pub cell: String,
    /// Whether the model is named in what is said, as where there are several.
    pub names_model: bool,
}

/// What came of one prediction.
pub struct Judged {
    /// What was judged.
    pub job: Job,
    /// The verdict, and whether an earlier process had reached it; or why there is none.
    pub verdict: Result<(Verdict, bool), String>,
}

impl Work for Evaluation {
    type Input = Job;
    type Output = Judged;

    fn endings(&self) -> &'static [&'static str] {
        &["solved", "unsolved", INFRASTRUCTURE]
    }

    fn item(&self, job: &Job) -> WorkItem {
        let instance_id = job.prediction.instance_id.clone();
        WorkItem { cell: job.cell.clone(), instance_id, sample: 0, stage: Stage::Judge }
    }

    async fn work(&self, job: Job, worker: &Worker) -> Judged {
        let (environment, config, runs) = (self.environment.as_ref(), &self.config, self.runs.as_path());
        let judge = Judge { environment, config, worker, runs };
        let verdict = evaluate_one(&judge, &job.prediction, &job.cell_dir).await;
        Judged { job, verdict: verdict.map_err(|err| format!("{err:#}")) }
    }

    fn image(&self, job: &Job) -> Option<NeededImage> {
        let environment = self.environment.as_ref();
        wanted(environment, find_instance(environment.instances(), &job.prediction.instance_id).ok()?)
    }

    fn ending(&self, judged: &Judged) -> Ending {
        let Job { prediction, names_model, .. } = &judged.job;
        let (word, was_kept, line) = match &judged.verdict {
            Ok((verdict, was_kept)) => {
                let word = match journal::Ending::of(verdict) {
                    journal::Ending::Solved => "solved",
                    journal::Ending::Infrastructure => INFRASTRUCTURE,
                    _ => "unsolved",
                };
                (word, *was_kept, verdict_line(verdict))
            }
            Err(why) => (INFRASTRUCTURE, false, why.clone()),
        };
        let of_model =
            if *names_model { format!(" by {}", harmless(&prediction.model_name_or_path)) } else { String::new() };
        Ending { word, was_kept, line: format!("{}{of_model}: {line}", prediction.instance_id) }
    }
}

async fn evaluate_one(
    judge: &Judge<'_>,
    prediction: &Prediction,
    cell_dir: &CellDir,
) -> anyhow::Result<(Verdict, bool)> {
    let instance = find_instance(judge.environment.instances(), &prediction.instance_id)?;
    let dir = cell_dir.episode(&instance.instance_id)?;
    let patch = prediction.model_patch.as_deref().map(read_prediction);
    let text = patch.as_ref().map_or("", |patch| patch.0.as_str());
    if dir.read("patch.diff")?.as_deref() != Some(text) {
        dir.write("patch.diff", text.as_bytes())?;
    }
    if prediction.spoiled {
        return Ok((spoiled(&dir, &instance.instance_id)?, false));
    }
    judge.verdict(instance, patch.as_ref(), (cell_dir, &dir)).await
}

/// Returns the verdict on a patch that no file can hold, and writes its report. As its text stands for another one, the
/// verdict is not kept for that.
fn spoiled(dir: &EpisodeDir, id: &str) -> anyhow::Result<Verdict> {
    for name in VERDICT_FILES {
        dir.remove(name)?;
    }
    let report = Report { patch_exists: true, ..Report::default() };
    dir.write("report.json", write_report(&report, id).as_bytes())?;
    Ok(Verdict { report, failure: Some(Failure::PatchNotApplied), ..Verdict::default() })
}

/// The predictions that are to be judged, and what a person should know of where they come from.
#[derive(Debug)]
pub struct Chosen {
    /// The predictions.
    pub predictions: Vec<Prediction>,
    /// Remarks, in lines.
    pub remarks: Vec<String>,
}

/// Returns whether a source of predictions is one of the words for those that are made here.
pub fn is_word(source: &str) -> bool {
    source == "gold" || source == "empty"
}

/// Returns the predictions that are to be judged: from a file, or made from the words `gold` and `empty`.
pub fn choose(
    source: &str,
    environment: &dyn Environment,
    only: &[String],
    skip_unknown: bool,
) -> anyhow::Result<Chosen> {
    let instances = environment.instances();
    let mut chosen: Vec<&Instance> = Vec::new();
    for id in only {
        let instance = find_instance(instances, id)?;
        if !chosen.iter().any(|other| other.instance_id == instance.instance_id) {
            chosen.push(instance);
        }
    }
    let wanted = if only.is_empty() { instances.iter().collect() } else { chosen };
    if is_word(source) {
        let made = wanted.into_iter().map(|instance| Prediction {
            instance_id: instance.instance_id.clone(),
            model_name_or_path: source.to_owned(),
            model_patch: match source {
                "gold" => environment.gold(instance).map(|patch| patch.0),
                _ => Some(String::new()),
            },
            spoiled: false,
        });
        return Ok(Chosen { predictions: made.collect(), remarks: Vec::new() });
    }
    let path = Path::new(source);
    if !path.exists() {
        bail!("there are no predictions `{source}`\nhint: name a file, the folder of a run, or `gold` or `empty`");
    }
    let by_id: HashMap<String, &Instance> =
        wanted.into_iter().map(|instance| (instance.instance_id.to_lowercase(), instance)).collect();
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let Predictions { predictions, remarks } = read_predictions(path)?;
    let mut remarks = some(remarks);
    for mut prediction in predictions {
        match by_id.get(&prediction.instance_id.to_lowercase()) {
            Some(instance) => {
                prediction.instance_id.clone_from(&instance.instance_id);
                found.push(prediction);
            }
            None if only.is_empty() => unknown.push(prediction.instance_id),
            None => {}
        }
    }
    match (unknown.len(), skip_unknown) {
        (0, _) => {}
        (count, true) => {
            remarks.push(format!("{count} predictions are for instances that the dataset does not have"));
        }
        (_, false) => bail!("predictions `{source}`: {}", list_unknown(&unknown, instances)),
    }
    Ok(Chosen { predictions: found, remarks })
}

/// Returns the first of some lines, and how many more there are.
fn some(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push(format!("and {more} more such lines"));
    }
    lines
}

/// Names unknown ids, each with the nearest known one.
fn list_unknown(unknown: &[String], instances: &[Instance]) -> String {
    let mut lines = vec![format!("{} instances are not in the dataset", unknown.len())];
    for id in unknown.iter().take(LISTED) {
        let nearest = match find_instance(instances, id) {
            Err(EnvError::UnknownInstance { nearest: Some(nearest), .. }) => format!(" (did you mean `{nearest}`?)"),
            _ => String::new(),
        };
        lines.push(format!("  `{id}`{nearest}"));
    }
    if unknown.len() > LISTED {
        lines.push(format!("  and {} more", unknown.len() - LISTED));
    }
    lines.push("hint: `--skip-unknown` leaves them out".to_owned());
    lines.join("\n")
}
