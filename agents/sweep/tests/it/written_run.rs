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

/// An episode of a line.
struct Line {
    instance_id: String,
    sample: u32,
    spending: Option<Spending>,
}

/// Returns what a journal says of the episode of a line.
fn entries(line: &str) -> Vec<Entry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (id, sample) = words[0].split_once('#').unwrap_or((words[0], "0"));
    let spending = words.get(2).map(|_| spending(&words[2..]));
    let line = Line { instance_id: id.to_owned(), sample: sample.parse().unwrap(), spending };
    let mut entries = vec![Entry::Asked { sample: line.sample, instance_ids: vec![id.to_owned()] }];
    entries.extend(line.came(words[1]));
    entries
}

impl Line {
    /// Returns what came of it.
    fn came(&self, ending: &str) -> Vec<Entry> {
        let (instance_id, sample) = (self.instance_id.clone(), self.sample);
        let text = format!("+{instance_id}\n");
        let submitted = || self.ended("submitted", OutcomeClass::Submitted, None);
        let stuck = || self.ended("limit_stuck", OutcomeClass::AgentLimit, None);
        let predicted = || self.predicted(&text);
        let failed = |error: &str| Failed { subject: self.subject(), error: error.to_owned() };
        match ending {
            "solved" => vec![submitted(), predicted(), self.judged(true, None, None)],
            "unsolved" => vec![submitted(), predicted(), self.judged(false, None, None)],
            "not_applied" => vec![submitted(), predicted(), self.judged(false, Some(Failure::PatchNotApplied), None)],
            "empty" => vec![submitted(), self.predicted("")],
            "stuck" => vec![stuck(), predicted(), self.judged(false, None, None)],
            "stuck_empty" => vec![stuck(), self.predicted("")],
            "broken" => {
                vec![submitted(), predicted(), self.judged(false, Some(Failure::TestsErrored), Some("no network"))]
            }
            "no_verdict" => {
                let failed = failed("the engine\u{1b}[31m died");
                vec![submitted(), predicted(), Entry::Failed { instance_id, sample, failed }]
            }
            "model_failed" => vec![self.ended("model_failed", OutcomeClass::Infrastructure, None)],
            "budget_spent" => vec![self.ended("budget_spent", OutcomeClass::Infrastructure, None)],
            "error" => vec![self.ended("error", OutcomeClass::Infrastructure, Some("no image"))],
            "unjudged" => vec![submitted(), predicted()],
            // A verdict that is on another patch does not count.
            "outdated" => vec![submitted(), self.judged(true, None, None), self.predicted("+another\n")],
            "given" => vec![predicted(), self.judged(true, None, None)],
            "begun" => vec![Entry::Begun { instance_id, sample }],
            "dropped" => vec![submitted(), Entry::Planned { sample, instance_ids: Vec::new() }],
            "asked" => Vec::new(),
            other => panic!("unknown ending `{other}`"),
        }
    }

    fn subject(&self) -> Subject {
        let patch = Patch(format!("+{}\n", self.instance_id)).digest();
        Subject { patch, judging: "j".to_owned(), image: None }
    }

    fn ended(&self, exit_status: &str, class: OutcomeClass, error: Option<&str>) -> Entry {
        let (exit_status, error) = (exit_status.to_owned(), error.map(str::to_owned));
        let ended = Ended { exit_status, class, error, spending: self.spending, config: None };
        Entry::Ended { instance_id: self.instance_id.clone(), sample: self.sample, ended }
    }

    fn predicted(&self, patch: &str) -> Entry {
        let prediction = Prediction {
            instance_id: self.instance_id.clone(),
            model_name_or_path: "m".to_owned(),
            model_patch: Some(patch.to_owned()),
            spoiled: false,
        };
        Entry::Predicted { sample: self.sample, prediction }
    }

    fn judged(&self, resolved: bool, failure: Option<Failure>, broken: Option<&str>) -> Entry {
        let judged = Judged {
            subject: self.subject(),
            failure,
            infra: None,
            broken: broken.map(str::to_owned),
            trust: Default::default(),
            report: None,
            resolved: Some(resolved),
            fail_to_pass: None,
            pass_to_pass: None,
        };
        Entry::Judged { instance_id: self.instance_id.clone(), sample: self.sample, judged }
    }
}

fn spending(words: &[&str]) -> Spending {
    let tokens: u64 = words[1].parse().unwrap();
    let usage = Usage { prompt_tokens: tokens - tokens / 10, completion_tokens: tokens / 10, ..Usage::default() };
    let (cost, unpriced_queries) = words[2].parse().map_or((0.0, 1), |cost| (cost, 0));
    let steps = words[0].parse().unwrap();
    Spending { steps, queries: steps, usage, cost, unpriced_queries, seconds: 10.0, ..Spending::default() }
}
