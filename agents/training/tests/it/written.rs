//! Runs with records that a test writes.

use std::path::Path;

use agent_core::{
    Completion, ExitStatus, FinishReason, Header, Message, Origin, Outcome, OutcomeClass, Record, Served, Spending,
    ToolCall, ToolSpec, Usage, View,
};
use env_core::Patch;
use journal::{CellDir, Ended, Judged, Prediction, Run, Subject};
use serde_json::{Map, json};
use tool_core::Observation;
use training::Out;

/// An episode as a test writes it.
pub(crate) struct Written {
    pub(crate) instance: &'static str,
    pub(crate) sample: u32,
    pub(crate) resolved: bool,
    pub(crate) records: Vec<Record>,
}

/// Writes a run of one cell and opens it.
pub(crate) fn run(folder: &Path, episodes: &[Written]) -> Run {
    run_of(folder, "run", "cell", episodes)
}

/// Writes a run with these names and opens it.
pub(crate) fn run_of(folder: &Path, name: &str, cell: &str, episodes: &[Written]) -> Run {
    let cell_dir = CellDir::create(folder, name, cell).unwrap();
    for Written { instance, sample, resolved, records } in episodes {
        let cell_dir = cell_dir.of_sample(*sample);
        let dir = cell_dir.episode(instance).unwrap();
        let lines: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
        dir.write("trajectory.jsonl", format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
        let (exit_status, class) = ("submitted".to_owned(), OutcomeClass::Submitted);
        let ended = Ended { exit_status, class, error: None, spending: None, config: None };
        cell_dir.end(&dir, instance, ended).unwrap();
        let patch = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n";
        let prediction = Prediction {
            instance_id: (*instance).to_owned(),
            model_name_or_path: "m".to_owned(),
            model_patch: Some(patch.to_owned()),
            spoiled: false,
        };
        cell_dir.put_prediction(&prediction).unwrap();
        let subject = Subject { patch: Patch(patch.to_owned()).digest(), judging: "j".to_owned(), image: None };
        let resolved = Some(*resolved);
        let judged = Judged {
            subject,
            failure: None,
            infra: None,
            broken: None,
            trust: Default::default(),
            report: None,
            resolved,
            fail_to_pass: None,
            pass_to_pass: None,
        };
        cell_dir.judge(&dir, instance, judged).unwrap();
    }
    Run::open(&folder.join(name)).unwrap()
}

/// Returns a folder in which an earlier export is replaced.
pub(crate) fn replaced(folder: &Path) -> Out<'_> {
    Out { folder, replace: true }
}

pub(crate) fn header() -> Record {
    let parameters = json!({ "type": "object", "properties": { "command": { "type": "string" } } });
    Record::Header(Header {
        version: 1,
        instance_id: "i".to_owned(),
        environment: "e".to_owned(),
        agent: "a".to_owned(),
        model: "m".to_owned(),
        config: String::new(),
        root: "/r".to_owned(),
        sandbox: "local".to_owned(),
        isolated: true,
        history_kept: false,
        tools: vec![ToolSpec { name: "bash".to_owned(), description: "Runs a command.".to_owned(), parameters }],
        origin: Origin::default(),
    })
}

pub(crate) fn said(message: Message) -> Record {
    Record::Message { step: 0, message, extra: Map::new(), restored: false }
}

pub(crate) fn call(id: &str, command: &str) -> ToolCall {
    let arguments = json!({ "command": command }).to_string();
    ToolCall { id: id.to_owned(), name: "bash".to_owned(), arguments }
}

/// An answer, with what its server recorded of its tokens.
pub(crate) fn answered(text: &str, calls: &[ToolCall], tokens: Option<(&[u64], &[u64])>) -> Record {
    let served = tokens.map(|(prompt, answer)| {
        let (prompt_token_ids, completion_token_ids) = (Some(prompt.to_vec()), Some(answer.to_vec()));
        Box::new(Served { prompt_token_ids, completion_token_ids, ..Served::default() })
    });
    let message = Message::assistant(text, calls.to_vec());
    let (finish_reason, usage) = (FinishReason::ToolCalls, Usage::default());
    let completion = Completion { message, finish_reason, usage, cost: None, malformed: None, served };
    Record::Completion { step: 1, request: String::new(), completion, seconds: 0.0, view: None, restored: false }
}

/// The same answer to a request that leaves the oldest messages out.
pub(crate) fn shown_less(mut record: Record, dropped: usize) -> Record {
    if let Record::Completion { view, .. } = &mut record {
        *view = Some(View { dropped, ..View::default() });
    }
    record
}

pub(crate) fn observed(call: &ToolCall, text: &str) -> Record {
    Record::Observation {
        step: 1,
        call: call.clone(),
        observation: Observation::text(text),
        shown: None,
        seconds: 0.0,
        extra: Map::new(),
        restored: false,
    }
}

pub(crate) fn outcome() -> Record {
    let (exit_status, spending) = (ExitStatus::Submitted, Spending::default());
    Record::Outcome(Outcome { exit_status, patch: None, left_out: Vec::new(), spending })
}

/// An episode of `answers` answers, each with a call; the first has two. `word` tells it from others.
pub(crate) fn episode(instance: &'static str, sample: u32, resolved: bool, word: &str, answers: usize) -> Written {
    let mut records = vec![header(), said(Message::system("Rules.")), said(Message::user(format!("Repair {word}.")))];
    for number in 0..answers {
        let count = if number == 0 { 2 } else { 1 };
        let calls: Vec<ToolCall> =
            (0..count).map(|part| call(&format!("c{number}{part}"), &format!("run {number} {part}"))).collect();
        records.push(answered(&format!("thought {number}"), &calls, None));
        records.extend(calls.iter().map(|call| observed(call, "shown")));
    }
    records.push(outcome());
    Written { instance, sample, resolved, records }
}
