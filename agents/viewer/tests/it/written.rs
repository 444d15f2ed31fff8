//! Runs that a test writes.

use std::path::Path;

use agent_core::{
    Completion, ExitStatus, FinishReason, Header, Message, Origin, Outcome, OutcomeClass, Record, Spending, ToolCall,
    Usage,
};
use env_core::Patch;
use journal::{CellDir, Ended, Judged, Prediction, Run, Subject};
use serde_json::{Map, json};
use tool_core::Observation;
use viewer::Source;

pub(crate) const PATCH: &str = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n";

/// An episode as a test writes it.
pub(crate) struct Written<'a> {
    pub(crate) instance: &'a str,
    pub(crate) sample: u32,
    pub(crate) resolved: bool,
    pub(crate) patch: &'a str,
    pub(crate) record: String,
}

/// Returns an episode of these records.
pub(crate) fn episode<'a>(instance: &'a str, sample: u32, resolved: bool, records: &[Record]) -> Written<'a> {
    let lines = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n");
    Written { instance, sample, resolved, patch: PATCH, record: lines.collect() }
}

/// Adds episodes to the cell `cell` of the run `run`.
pub(crate) fn write(folder: &Path, episodes: &[Written<'_>]) {
    let cell_dir = CellDir::create(folder, "run", "cell").unwrap();
    for Written { instance, sample, resolved, patch, record } in episodes {
        let cell_dir = cell_dir.of_sample(*sample);
        cell_dir.ask([*instance]).unwrap();
        let dir = cell_dir.episode(instance).unwrap();
        dir.write("trajectory.jsonl", record.as_bytes()).unwrap();
        let (exit_status, class) = ("submitted".to_owned(), OutcomeClass::Submitted);
        let ended = Ended { exit_status, class, error: None, spending: None, config: None };
        cell_dir.end(&dir, instance, ended).unwrap();
        let model_name_or_path = "m".to_owned();
        let (instance_id, model_patch) = ((*instance).to_owned(), Some((*patch).to_owned()));
        cell_dir.put_prediction(&Prediction { instance_id, model_name_or_path, model_patch, spoiled: false }).unwrap();
        let subject = Subject { patch: Patch((*patch).to_owned()).digest(), judging: "j".to_owned(), image: None };
        let judged = Judged {
            subject,
            failure: None,
            infra: None,
            broken: None,
            trust: Default::default(),
            report: None,
            resolved: Some(*resolved),
            fail_to_pass: Some([usize::from(*resolved), 1]),
            pass_to_pass: Some([2, 2]),
        };
        cell_dir.judge(&dir, instance, judged).unwrap();
    }
}

/// Opens the run that was written.
pub(crate) fn open(folder: &Path) -> Vec<Source> {
    vec![Source { name: "run".to_owned(), run: Run::open(&folder.join("run")).unwrap() }]
}

pub(crate) fn header(instance: &str) -> Record {
    Record::Header(Header {
        version: 1,
        instance_id: instance.to_owned(),
        environment: "e".to_owned(),
        agent: "a".to_owned(),
        model: "m".to_owned(),
        config: String::new(),
        root: "/r".to_owned(),
        sandbox: "local".to_owned(),
        isolated: true,
        history_kept: false,
        tools: Vec::new(),
        origin: Origin::default(),
    })
}

/// Returns an answer that gives this command, and what it showed.
pub(crate) fn turn(step: u64, command: &str, shown: &str) -> [Record; 2] {
    let call = ToolCall {
        id: format!("c{step}"),
        name: "bash".to_owned(),
        arguments: json!({ "command": command }).to_string(),
    };
    let completion = Completion {
        message: Message::assistant("", vec![call.clone()]),
        finish_reason: FinishReason::ToolCalls,
        usage: Usage { prompt_tokens: 10, completion_tokens: 2, cached_tokens: 0 },
        cost: None,
        malformed: None,
        served: None,
    };
    let request = String::new();
    let observation = Observation { text: shown.to_owned(), is_error: false, exit_code: Some(0) };
    let extra = Map::new();
    [
        Record::Completion { step, request, completion, seconds: 0.5, view: None, restored: false },
        Record::Observation { step, call, observation, shown: None, seconds: 0.25, extra, restored: false },
    ]
}

pub(crate) fn outcome() -> Record {
    let (exit_status, spending) = (ExitStatus::Submitted, Spending { steps: 3, ..Spending::default() });
    Record::Outcome(Outcome { exit_status, patch: Some(Patch(PATCH.to_owned())), left_out: Vec::new(), spending })
}

/// Returns the records of an episode that gives these commands.
pub(crate) fn records(instance: &str, commands: &[(&str, &str)]) -> Vec<Record> {
    let mut records = vec![header(instance)];
    let turns = commands.iter().enumerate();
    records.extend(turns.flat_map(|(place, (command, shown))| turn(place as u64 + 1, command, shown)));
    records.push(outcome());
    records
}
