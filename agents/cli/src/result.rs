//! What came of one instance, in one short line for programs and one row for people.

use std::path::Path;

use agent_core::Outcome;
use env_core::Verdict;
use journal::{Ending, counts, exit_status, word};
use runner::shown::short;
use runner::stages::Solved;
use serde::Serialize;
use serde_json::Value;

/// Characters of a reason that are printed.
const REASON: usize = 160;

/// What came of one instance, as `solve` and `evaluate` print it in a line. The names of the tests are in the files of
/// its folder.
#[derive(Debug, Serialize)]
pub(crate) struct InstanceResult {
    /// The instance.
    pub(crate) instance_id: String,
    /// Number of the sample, where an instance may have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sample: Option<u32>,
    /// Who made the patch, where the predictions are of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Whether the patch resolves it; `null` when there is no verdict that counts.
    pub(crate) resolved: Option<bool>,
    /// Why there is no ordinary verdict, as in `judged.json`, or `infrastructure`; `null` when there is one.
    pub(crate) failure: Option<String>,
    /// How many of the tests passed, and how many there are; `null` when none were graded.
    pub(crate) fail_to_pass: Option<[usize; 2]>,
    /// The same for PASS_TO_PASS.
    pub(crate) pass_to_pass: Option<[usize; 2]>,
    /// Bytes of the patch; `null` when there is none.
    pub(crate) patch_bytes: Option<usize>,
    /// How the episode ended and what it took; only after `solve`.
    #[serde(flatten)]
    pub(crate) episode: Option<EpisodeResult>,
    /// What went wrong, cut short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The instance's folder.
    pub(crate) folder: String,
}

/// How an episode ended and what it took.
#[derive(Debug, Serialize)]
pub(crate) struct EpisodeResult {
    /// `submitted`, `limit_steps` and so on, `gave_up`, `model_failed`, `sandbox_damaged`, `sandbox_failed` or `agent_failed`; `error` when
    /// there is no outcome.
    pub(crate) exit_status: String,
    /// Steps of the agent.
    pub(crate) steps: Option<u64>,
    /// US dollars; `null` when the price of a query is not known.
    pub(crate) cost: Option<f64>,
    /// Wall-clock seconds.
    pub(crate) seconds: Option<f64>,
}

impl InstanceResult {
    /// Returns what a verdict says, or why there is none.
    pub(crate) fn judged(
        instance_id: &str,
        folder: &Path,
        patch: Option<&str>,
        verdict: Result<&Verdict, &str>,
    ) -> Self {
        let mut result = Self {
            instance_id: instance_id.to_owned(),
            sample: None,
            model: None,
            resolved: None,
            failure: None,
            fail_to_pass: None,
            pass_to_pass: None,
            patch_bytes: patch.map(str::len),
            episode: None,
            error: None,
            folder: folder.display().to_string(),
        };
        match verdict {
            Ok(verdict) => result.add(verdict),
            Err(why) => {
                result.failure = Some("infrastructure".to_owned());
                result.error = Some(cut(why));
            }
        }
        result
    }

    /// Returns what came of an episode, or why it has no outcome.
    pub(crate) fn solved(instance_id: &str, folder: &Path, solved: Result<&Solved, &str>) -> Self {
        let patch = solved.ok().and_then(|solved| solved.outcome.patch.as_ref());
        let verdict = match solved {
            Ok(solved) => solved.verdict.as_ref().ok_or(""),
            Err(why) => Err(why),
        };
        let mut result = Self::judged(instance_id, folder, patch.map(|patch| patch.0.as_str()), verdict);
        result.episode =
            Some(solved.map_or_else(|_| EpisodeResult::error(), |solved| EpisodeResult::of(&solved.outcome)));
        if let (Ok(solved), Err(_)) = (solved, verdict) {
            let why = reason(&solved.outcome);
            result.failure = solved.failed().then(|| "infrastructure".to_owned());
            result.error = why.map(|why| cut(&why));
        }
        result
    }

    fn add(&mut self, verdict: &Verdict) {
        let Verdict { report, failure, .. } = verdict;
        let broke = Ending::of(verdict) == Ending::Infrastructure;
        self.resolved = (!broke).then_some(report.resolved);
        self.failure = if broke { Some("infrastructure".to_owned()) } else { failure.map(word) };
        if let Some(status) = &report.tests_status {
            self.fail_to_pass = Some(counts(&status.fail_to_pass));
            self.pass_to_pass = Some(counts(&status.pass_to_pass));
        }
    }

    /// Returns the line.
    pub(crate) fn line(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    fn cells(&self) -> [String; 8] {
        let shown = |known: Option<String>| known.unwrap_or_else(|| "-".to_owned());
        let of = |counts: Option<[usize; 2]>| shown(counts.map(|[passed, all]| format!("{passed}/{all}")));
        let resolved = match (self.resolved, &self.failure) {
            (Some(true), _) => "yes".to_owned(),
            (Some(false), None) => "no".to_owned(),
            (Some(false), Some(failure)) => format!("no ({})", failure.replace('_', " ")),
            (None, failure) => shown(failure.clone()),
        };
        let episode = self.episode.as_ref();
        [
            match (&self.model, self.sample) {
                (None, Some(sample)) => format!("{}/{sample}", self.instance_id),
                (Some(model), _) => format!("{} ({})", self.instance_id, short(model)),
                (None, None) => self.instance_id.clone(),
            },
            resolved,
            of(self.fail_to_pass),
            of(self.pass_to_pass),
            shown(self.patch_bytes.map(|bytes| format!("{bytes} B"))),
            shown(episode.and_then(|episode| episode.steps).map(|steps| steps.to_string())),
            shown(episode.and_then(|episode| episode.cost).map(|cost| format!("${cost:.4}"))),
            shown(episode.map(|episode| episode.exit_status.replace('_', " "))),
        ]
    }
}

impl EpisodeResult {
    fn of(outcome: &Outcome) -> Self {
        let spending = &outcome.spending;
        Self {
            exit_status: exit_status(outcome),
            steps: Some(spending.steps),
            cost: (spending.unpriced_queries == 0).then(|| (spending.cost * 1e6).round() / 1e6),
            seconds: Some((spending.seconds * 10.0).round() / 10.0),
        }
    }

    fn error() -> Self {
        Self { exit_status: "error".to_owned(), steps: None, cost: None, seconds: None }
    }
}

/// Returns what an episode says of why it ended, when it says more than a word.
fn reason(outcome: &Outcome) -> Option<String> {
    match serde_json::to_value(&outcome.exit_status) {
        Ok(Value::Object(map)) => match map.into_iter().next() {
            Some((kind, Value::String(why))) if kind != "limit" => Some(why),
            _ => None,
        },
        _ => None,
    }
}

/// Returns a reason that keeps to its line.
fn cut(why: &str) -> String {
    let line = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Returns a table for people; the columns of an episode are left out where no instance had one.
pub(crate) fn table(results: &[InstanceResult]) -> String {
    let titles = ["instance", "resolved", "FAIL_TO_PASS", "PASS_TO_PASS", "patch", "steps", "cost", "ended"];
    let count = if results.iter().any(|result| result.episode.is_some()) { titles.len() } else { 5 };
    let mut rows = vec![titles.map(str::to_owned)];
    rows.extend(results.iter().map(InstanceResult::cells));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
