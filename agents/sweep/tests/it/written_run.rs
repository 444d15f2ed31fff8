//! Runs whose journals a test writes, an episode a line.

use agent_core::{OutcomeClass, Spending, Usage};
use env_core::{Failure, Patch};
use journal::{CellDir, Ended, Entry, Failed, Journal, Judged, Prediction, Run, Subject};
use sweep::report::CellFacts;
use tempfile::TempDir;

/// A folder of runs.
pub(crate) struct Written(TempDir);

impl Written {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self, run: &str) -> std::path::PathBuf {
        self.0.path().join(run)
    }

    /// Returns the folder of a cell for a sample.
    pub(crate) fn cell_dir(&self, run: &str, cell: &str, sample: u32) -> CellDir {
        CellDir::create(self.0.path(), run, cell).unwrap().of_sample(sample)
    }

    /// Writes episodes of a cell, one a line: `ID[#SAMPLE] ENDING [STEPS TOKENS COST]`; a cost of `?` is not known.
    pub(crate) fn cell(&self, run: &str, cell: &str, lines: &str) {
        let journal = Journal::open(&self.folder(run)).unwrap();
        std::fs::create_dir_all(self.folder(run).join(cell)).unwrap();
        let entries = lines.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(entries);
        journal.append(cell, entries.collect()).unwrap();
    }

    pub(crate) fn open(&self, run: &str) -> Run {
        Run::open(&self.folder(run)).unwrap()
    }

    /// Returns what a report reads of a run.
    pub(crate) fn facts(&self, run: &str) -> Vec<CellFacts> {
        let opened = self.open(run);
        opened.cells().iter().map(|cell| CellFacts::read(&opened, run, cell, None)).collect()
    }
}

/// Returns what a journal says of the episode of a line.
fn entries(line: &str) -> Vec<Entry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (id, sample) = words[0].split_once('#').unwrap_or((words[0], "0"));
    let (instance_id, sample) = (id.to_owned(), sample.parse().unwrap());
    let spending = words.get(2).map(|_| spending(&words[2..]));
    let ended = |exit_status: &str, class: OutcomeClass, error: Option<&str>| {
        let (exit_status, error) = (exit_status.to_owned(), error.map(str::to_owned));
        let ended = Ended { exit_status, class, error, spending: spending.clone() };
        Entry::Ended { instance_id: instance_id.clone(), sample, ended }
    };
    let submitted = || ended("submitted", OutcomeClass::Submitted, None);
    let stuck = || ended("limit_stuck", OutcomeClass::AgentLimit, None);
    let text = format!("+{id}\n");
    let subject = || Subject { patch: Patch(text.clone()).digest(), judging: "j".to_owned(), image: None };
    let predicted = |patch: &str| {
        let (id, patch) = (instance_id.clone(), Some(patch.to_owned()));
        let prediction =
            Prediction { instance_id: id, model_name_or_path: "m".to_owned(), model_patch: patch, spoiled: false };
        Entry::Predicted { sample, prediction }
    };
    let judged = |resolved: bool, failure: Option<Failure>, broken: Option<&str>| {
        let judged = Judged {
            subject: subject(),
            failure,
            infra: None,
            broken: broken.map(str::to_owned),
            report: None,
            resolved: Some(resolved),
            fail_to_pass: None,
            pass_to_pass: None,
        };
        Entry::Judged { instance_id: instance_id.clone(), sample, judged }
    };
    let failed = Failed { subject: subject(), error: "the engine\u{1b}[31m died".to_owned() };
    let failed = Entry::Failed { instance_id: instance_id.clone(), sample, failed };
    let infrastructure = OutcomeClass::Infrastructure;
    let mut entries = vec![Entry::Asked { sample, instance_ids: vec![instance_id.clone()] }];
    entries.extend(match words[1] {
        "solved" => vec![submitted(), predicted(&text), judged(true, None, None)],
        "unsolved" => vec![submitted(), predicted(&text), judged(false, None, None)],
        "not_applied" => vec![submitted(), predicted(&text), judged(false, Some(Failure::PatchNotApplied), None)],
        "empty" => vec![submitted(), predicted("")],
        "stuck" => vec![stuck(), predicted(&text), judged(false, None, None)],
        "stuck_empty" => vec![stuck(), predicted("")],
        "broken" => vec![submitted(), predicted(&text), judged(false, Some(Failure::TestsErrored), Some("no network"))],
        "no_verdict" => vec![submitted(), predicted(&text), failed],
        "model_failed" => vec![ended("model_failed", infrastructure, None)],
        "error" => vec![ended("error", infrastructure, Some("no image"))],
        "unjudged" => vec![submitted(), predicted(&text)],
        // A verdict that is on another patch does not count.
        "outdated" => vec![submitted(), judged(true, None, None), predicted("+another\n")],
        "given" => vec![predicted(&text), judged(true, None, None)],
        "begun" => vec![Entry::Begun { instance_id: instance_id.clone(), sample }],
        "dropped" => vec![submitted(), Entry::Planned { sample, instance_ids: Vec::new() }],
        "asked" => Vec::new(),
        other => panic!("unknown ending `{other}`"),
    });
    entries
}

fn spending(words: &[&str]) -> Spending {
    let tokens: u64 = words[1].parse().unwrap();
    let usage = Usage { prompt_tokens: tokens - tokens / 10, completion_tokens: tokens / 10, ..Usage::default() };
    let (cost, unpriced_queries) = words[2].parse().map_or((0.0, 1), |cost| (cost, 0));
    let steps = words[0].parse().unwrap();
    Spending { steps, queries: steps, usage, cost, unpriced_queries, seconds: 10.0, ..Spending::default() }
}
