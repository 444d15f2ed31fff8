//! Judges patches that are already there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use env_core::{EnvError, Environment, Failure, Instance, Report, find_instance};
use grading::{read_prediction, write_report};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::config::EvaluationConfig;
use crate::console::{Console, harmless, say};
use crate::predictions::{Given, Prediction, read_predictions};
use crate::progress::{BROKEN, Progress};
use crate::result::InstanceResult;
use crate::run_dir::{InstanceDir, RunDir};
use crate::tally::Ending;
use crate::verdict::{Judge, VERDICT_FILES, Verdict};

/// How many unknown ids and remarks are listed.
const LISTED: usize = 10;

/// What the judging of many patches shares.
pub(crate) struct Evaluation {
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) config: EvaluationConfig,
    /// The folder of all runs.
    pub(crate) runs: PathBuf,
    /// Where those under way are counted.
    pub(crate) tasks: TaskTracker,
    /// How many are judged at once.
    pub(crate) workers: usize,
}

/// A prediction with the folder that its verdict goes into.
pub(crate) struct Job {
    pub(crate) prediction: Prediction,
    pub(crate) run_dir: RunDir,
    /// Whether the model is named in what is said, as where there are several.
    pub(crate) names_model: bool,
}

/// What came of one prediction.
struct Done {
    index: usize,
    result: InstanceResult,
    ending: Ending,
    /// Whether an earlier process had reached the verdict.
    was_kept: bool,
    line: String,
    took: Duration,
}

impl Evaluation {
    /// Judges every prediction, tells of each as it ends, and returns in their order what came of them.
    ///
    /// No more than `workers` are under way at any time, so that what waits costs no more than its patch.
    pub(crate) async fn run(
        &self,
        jobs: Vec<Job>,
        mut told: impl FnMut(&InstanceResult) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<InstanceResult>> {
        let mut progress = Progress::new(jobs.len(), self.workers, &["solved", "unsolved", BROKEN]);
        let mut waiting = jobs.into_iter().enumerate();
        let (mut running, mut ended) = (JoinSet::new(), Vec::new());
        loop {
            while running.len() < self.workers
                && let Some((index, job)) = waiting.next()
            {
                running.spawn(self.tasks.track_future(self.start(index, job, progress.console().clone())));
            }
            let Some(joined) = running.join_next().await else { break };
            let done = joined.context("an evaluation died")?;
            done.tell(&mut progress);
            told(&done.result)?;
            ended.push((done.index, done.result));
        }
        ended.sort_by_key(|(index, _)| *index);
        Ok(ended.into_iter().map(|(_, result)| result).collect())
    }

    fn start(&self, index: usize, job: Job, console: Console) -> impl Future<Output = Done> + Send + use<> {
        let (environment, config) = (self.environment.clone(), self.config.clone());
        let runs = self.runs.clone();
        async move {
            let judge = Judge { environment: environment.as_ref(), config: &config, console: &console, runs: &runs };
            let begun = Instant::now();
            let judged = evaluate_one(&judge, &job.prediction, &job.run_dir).await;
            Done::new(index, &job, judged.map_err(|err| format!("{err:#}")), begun.elapsed())
        }
    }
}

async fn evaluate_one(judge: &Judge<'_>, prediction: &Prediction, run_dir: &RunDir) -> anyhow::Result<(Verdict, bool)> {
    let instance = find_instance(judge.environment.instances(), &prediction.instance_id)?;
    let dir = run_dir.instance(&instance.instance_id)?;
    let patch = prediction.model_patch.as_deref().map(read_prediction);
    let text = patch.as_ref().map_or("", |patch| patch.0.as_str());
    if dir.read("patch.diff")?.as_deref() != Some(text) {
        dir.write("patch.diff", text.as_bytes())?;
    }
    if prediction.spoiled {
        return Ok((spoiled(&dir, &instance.instance_id)?, false));
    }
    judge.verdict(instance, patch.as_ref(), &dir).await
}

/// Returns the verdict on a patch that no file can hold, and writes its report. As its text stands for another one, the
/// verdict is not kept for that.
fn spoiled(dir: &InstanceDir, id: &str) -> anyhow::Result<Verdict> {
    for name in VERDICT_FILES {
        dir.remove(name)?;
    }
    let report = Report { patch_exists: true, ..Report::default() };
    dir.write("report.json", write_report(&report, id).as_bytes())?;
    Ok(Verdict { report, failure: Some(Failure::PatchNotApplied), infra: None, broken: None })
}

impl Done {
    fn new(index: usize, job: &Job, judged: Result<(Verdict, bool), String>, took: Duration) -> Self {
        let Job { prediction, run_dir, names_model } = job;
        let patch = prediction.model_patch.as_deref().map(read_prediction);
        let (id, patch) = (prediction.instance_id.as_str(), patch.as_ref().map(|patch| patch.0.as_str()));
        let verdict = judged.as_ref().map(|(verdict, _)| verdict).map_err(String::as_str);
        let mut result = InstanceResult::judged(id, &run_dir.instance_path(id), patch, verdict);
        let (ending, was_kept, line) = match &judged {
            Ok((verdict, was_kept)) => (verdict.ending(), *was_kept, verdict.line()),
            Err(why) => (Ending::Infrastructure, false, why.clone()),
        };
        let of_model =
            if *names_model { format!(" by {}", harmless(&prediction.model_name_or_path)) } else { String::new() };
        result.model = names_model.then(|| prediction.model_name_or_path.clone());
        Self { index, result, ending, was_kept, line: format!("{id}{of_model}: {line}"), took }
    }

    fn tell(&self, progress: &mut Progress) {
        let name = match self.ending {
            Ending::Solved => "solved",
            Ending::Infrastructure => BROKEN,
            _ => "unsolved",
        };
        progress.done(name, (!self.was_kept).then_some(self.took), &self.line);
    }
}

/// Returns whether a source of predictions is one of the words for those that are made here.
pub(crate) fn is_word(source: &str) -> bool {
    source == "gold" || source == "empty"
}

/// Returns the predictions that are to be judged: from a file, or made from the words `gold` and `empty`.
pub(crate) fn choose(
    source: &str,
    environment: &dyn Environment,
    only: &[String],
    skip_unknown: bool,
) -> anyhow::Result<Vec<Prediction>> {
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
        return Ok(made.collect());
    }
    let path = Path::new(source);
    if !path.exists() {
        bail!("no such predictions: `{source}`\nhint: a file, the folder of a run, or the word `gold` or `empty`");
    }
    let by_id: HashMap<String, &Instance> =
        wanted.into_iter().map(|instance| (instance.instance_id.to_lowercase(), instance)).collect();
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let Given { predictions, remarks } = read_predictions(path)?;
    tell_some(&remarks);
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
        (count, true) => say(&format!("{count} predictions are for instances that the dataset does not have")),
        (_, false) => bail!("predictions `{source}`: {}", list_unknown(&unknown, instances)),
    }
    Ok(found)
}

/// Says the first of some lines, and how many more there are.
fn tell_some(lines: &[String]) {
    lines.iter().take(LISTED).for_each(|line| say(line));
    if lines.len() > LISTED {
        say(&format!("and {} more such lines", lines.len() - LISTED));
    }
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
