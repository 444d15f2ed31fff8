//! Runs instances with the gold patch and without any, and works out what the test lists should be.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use env_core::{Dialect, Environment, Failure, Instance, Patch, Status, StatusMap, TestLists, Verdict};
use grading::{Observed, observe};
use images::NeededImage;
use journal::{CellDir, EpisodeDir, Subject, word};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::control::sign;
use super::judge::{Asked, Judge};
use crate::config::EvaluationConfig;
use crate::engine::{Ending, INFRASTRUCTURE, Stage, Work, WorkItem, Worker, wanted};

/// What the validation of many instances shares.
pub struct Validation {
    /// Runs the tests.
    pub environment: Arc<dyn Environment>,
    /// Where all is written.
    pub cell_dir: CellDir,
    /// What is done when infrastructure breaks.
    pub config: EvaluationConfig,
    /// The folder of all runs.
    pub runs: PathBuf,
    /// How often each patch is run.
    pub repeat: usize,
}

/// Name of the file of a [`Validated`].
pub const VALIDATION: &str = "validation.json";

/// `validation.json`: what the runs of an instance show, and how that differs from its row.
#[derive(Debug, Serialize)]
pub struct Validated {
    /// The instance.
    pub instance_id: String,
    /// Whose rule the lists follow.
    dialect: Dialect,
    /// How often each patch was run.
    repeat: usize,
    /// FAIL_TO_PASS, as observed.
    #[serde(rename = "FAIL_TO_PASS")]
    pub fail_to_pass: Vec<String>,
    /// PASS_TO_PASS, as observed.
    #[serde(rename = "PASS_TO_PASS")]
    pub pass_to_pass: Vec<String>,
    /// Tests whose outcome differs between runs of the same patch; they are in neither list.
    pub flaky: Vec<String>,
    /// How the lists differ from the row's; `null` when the row names no tests.
    pub differences: Option<Differences>,
    /// Runs without a log that counts; what they would have shown is not in the lists.
    pub problems: Vec<String>,
}

/// How two pairs of lists differ.
#[derive(Debug, Serialize)]
pub struct Differences {
    /// FAIL_TO_PASS, as observed.
    #[serde(rename = "FAIL_TO_PASS")]
    pub fail_to_pass: Difference,
    /// PASS_TO_PASS, as observed.
    #[serde(rename = "PASS_TO_PASS")]
    pub pass_to_pass: Difference,
}

/// How two lists differ.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// In the row and not observed.
    pub missing: Vec<String>,
    /// Observed and not in the row.
    pub extra: Vec<String>,
}

/// `gold.1.json`: what one run of the tests showed.
#[derive(Serialize, Deserialize)]
struct Run {
    #[serde(flatten)]
    subject: Subject,
    /// Why the log does not count, when it does not.
    failure: Option<Failure>,
    /// Word of the log by test.
    statuses: Map<String, Value>,
}

/// How a validation may end.
const ENDINGS: [&str; 3] = ["as the row has it", "not as the row has it", INFRASTRUCTURE];

impl Work for Validation {
    type Input = Instance;
    /// What the instance showed, and whether nothing had to be run for it.
    type Output = (Instance, Result<(Validated, bool), String>);

    fn endings(&self) -> &'static [&'static str] {
        &ENDINGS
    }

    fn item(&self, instance: &Instance) -> WorkItem {
        let (cell, instance_id) = ("validate".to_owned(), instance.instance_id.clone());
        WorkItem { cell, instance_id, sample: 0, stage: Stage::Validate }
    }

    async fn work(&self, instance: Instance, worker: &Worker) -> Self::Output {
        let (environment, config, runs) = (self.environment.as_ref(), &self.config, self.runs.as_path());
        let judge = Judge { environment, config, worker, runs };
        let validated = validate_one(&judge, &instance, &self.cell_dir, self.repeat).await;
        (instance, validated.map_err(|err| format!("{err:#}")))
    }

    fn image(&self, instance: &Instance) -> Option<NeededImage> {
        wanted(self.environment.as_ref(), instance)
    }

    fn ending(&self, (instance, validated): &Self::Output) -> Ending {
        let (word, was_kept, line) = match validated {
            Ok((one, was_kept)) => (ENDINGS[usize::from(one.differs())], *was_kept, one.line()),
            Err(why) => (INFRASTRUCTURE, false, why.clone()),
        };
        Ending { word, was_kept, line: format!("{}: {line}", instance.instance_id) }
    }
}

/// Runs what has not been run, and returns what all shows and whether nothing was run.
async fn validate_one(
    judge: &Judge<'_>,
    instance: &Instance,
    cell_dir: &CellDir,
    repeat: usize,
) -> anyhow::Result<(Validated, bool)> {
    let gold = judge.environment.gold(instance).context("it has no gold patch")?;
    let lists = judge.environment.lists(instance)?;
    let dir = cell_dir.episode(&instance.instance_id)?;
    let (mut runs, mut all_kept) = ([Vec::new(), Vec::new()], true);
    for round in 1..=repeat {
        for ((name, patch), runs) in [("gold", &gold), ("empty", &Patch::default())].into_iter().zip(&mut runs) {
            let (run, was_kept) = run_one(judge, instance, patch, &dir, &format!("{name}.{round}")).await?;
            all_kept &= was_kept;
            runs.push(run);
        }
    }
    let [with_fix, without] = runs;
    let validated = conclude(&instance.instance_id, lists, &with_fix, &without);
    dir.write(VALIDATION, &serde_json::to_vec_pretty(&validated)?)?;
    Ok((validated, all_kept))
}

/// Runs the tests once, or returns what an earlier process kept of the same run, and whether it did.
async fn run_one(
    judge: &Judge<'_>,
    instance: &Instance,
    patch: &Patch,
    dir: &EpisodeDir,
    name: &str,
) -> anyhow::Result<(Run, bool)> {
    let subject = Subject::new(patch, judge.environment, instance).with_image(judge.environment, instance).await;
    let file = format!("{name}.json");
    let kept = dir.read(&file)?.and_then(|text| serde_json::from_str::<Run>(&text).ok());
    if let Some(run) = kept.filter(|run| run.subject.is(&subject)) {
        return Ok((run, true));
    }
    dir.remove(&file)?;
    let evaluated = judge.try_evaluate(instance, patch, Asked::Tests).await;
    let verdict = evaluated.with_context(|| format!("run `{name}` did not finish"))?;
    dir.write(&format!("{name}.log"), &verdict.test_output)?;
    // Both patches are the dataset's own, so that a sign in a log is none that a model has put there.
    if let Some(sign) = sign(&verdict) {
        bail!("run `{name}` shows an infrastructure failure ({sign}); see {name}.log");
    }
    let Verdict { failure, statuses, .. } = verdict;
    let statuses = statuses.iter().map(|(test, status)| (test.to_owned(), Value::from(status.as_str()))).collect();
    let run = Run { subject, failure, statuses };
    dir.write(&file, &serde_json::to_vec_pretty(&run)?)?;
    Ok((run, false))
}

impl Run {
    fn statuses(&self) -> StatusMap {
        let mut map = StatusMap::default();
        for (test, word) in &self.statuses {
            map.insert(test, Status::from_word(word.as_str().unwrap_or_default()));
        }
        map
    }
}

/// Works out what the runs show.
///
/// A run whose log does not count is left out. When the tests cannot be run at all without the fix, none of them
/// passes.
fn conclude(id: &str, row: (Dialect, TestLists), with_fix: &[Run], without: &[Run]) -> Validated {
    let (dialect, row) = row;
    let valid = |runs: &[Run]| runs.iter().filter(|run| run.failure.is_none()).map(Run::statuses).collect::<Vec<_>>();
    let mut before = valid(without);
    let broken = |run: &Run| {
        matches!(run.failure, Some(Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged))
    };
    if without.iter().all(broken) {
        before.push(StatusMap::default());
    }
    let Observed { lists, flaky } = observe(dialect, &valid(with_fix), &before);
    let mut problems = Vec::new();
    for (name, runs) in [("gold", with_fix), ("empty", without)] {
        for (round, run) in (1..).zip(runs) {
            problems.extend(run.failure.map(|failure| format!("{name}.{round}: {}", word(failure))));
        }
    }
    let differences = (!row.fail_to_pass.is_empty()).then(|| Differences {
        fail_to_pass: difference(&row.fail_to_pass, &lists.fail_to_pass),
        pass_to_pass: difference(&row.pass_to_pass, &lists.pass_to_pass),
    });
    Validated {
        instance_id: id.to_owned(),
        dialect,
        repeat: with_fix.len(),
        fail_to_pass: lists.fail_to_pass,
        pass_to_pass: lists.pass_to_pass,
        flaky,
        differences,
        problems,
    }
}

fn difference(row: &[String], observed: &[String]) -> Difference {
    let without = |tests: &[String], others: &[String]| {
        let others: std::collections::HashSet<&String> = others.iter().collect();
        tests.iter().filter(|test| !others.contains(test)).cloned().collect()
    };
    Difference { missing: without(row, observed), extra: without(observed, row) }
}

impl Validated {
    /// Returns whether the lists differ from the row's.
    pub fn differs(&self) -> bool {
        self.differences.as_ref().is_some_and(|both| both.fail_to_pass.any() || both.pass_to_pass.any())
    }

    /// Returns what it showed in a few words.
    fn line(&self) -> String {
        let (turned, kept) = (self.fail_to_pass.len(), self.pass_to_pass.len());
        let mut line = format!("FAIL_TO_PASS {turned}, PASS_TO_PASS {kept}, flaky {}", self.flaky.len());
        if let Some(Differences { fail_to_pass, pass_to_pass }) = &self.differences {
            line += &match self.differs() {
                true => format!(" (against the row: {}; {})", fail_to_pass.counts(), pass_to_pass.counts()),
                false => ", as in the row".to_owned(),
            };
        }
        for problem in &self.problems {
            line += &format!("; {problem}");
        }
        line
    }
}

impl Difference {
    /// Returns whether there is one.
    pub fn any(&self) -> bool {
        !self.missing.is_empty() || !self.extra.is_empty()
    }

    fn counts(&self) -> String {
        format!("{} missing, {} extra", self.missing.len(), self.extra.len())
    }
}
