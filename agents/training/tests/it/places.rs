//! Where exports go, and what they find there.

use std::fs;
use std::path::Path;

use agent_core::{Message, Record};
use expect_test::expect;
use journal::Run;
use prompts::Prompts;
use serde_json::json;
use training::sft::{self, Target};
use training::tokens::Counter;
use training::{Format, Out, verifier, write_runs};

use crate::export::{exported, files, json_of, taken_in};
use crate::written::{Written, answered, call, episode, header, observed, outcome, replaced, run, run_of, said};

const FORMATS: [Format; 4] = [Format::Atif, Format::OpenHands, Format::Mini, Format::Inspect];

fn one(instance: &'static str) -> [Written; 1] {
    [episode(instance, 0, true, instance, 1)]
}

#[test]
fn two_runs_that_would_be_written_to_one_place_are_refused_before_anything_is_written() {
    let [left, right] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let out = left.path().join("out");
    let same = [run(left.path(), &one("a__b-1")), run(right.path(), &one("a__b-2"))];
    for format in FORMATS {
        let refused = write_runs(&same, format, Out::new(&out)).unwrap_err().to_string();
        assert!(refused.contains("would both be written to") && refused.contains("hint: "), "{refused}");
        assert!(refused.contains(&*right.path().join("run").to_string_lossy()), "{refused}");
        assert!(!out.exists(), "{format:?}");
    }
    // A job of Harbor's is named after the run and the cell.
    let joined = [run_of(left.path(), "a", "b.c", &one("a__b-1")), run_of(left.path(), "a.b", "c", &one("a__b-1"))];
    assert!(write_runs(&joined, Format::Atif, Out::new(&out)).is_err());
    assert_eq!(write_runs(&joined, Format::Mini, Out::new(&out)).unwrap().episodes, 2);
}

/// What an export is asked for, as a function of where it goes.
type Export<'a> = Box<dyn Fn(Out<'_>) -> anyhow::Result<()> + 'a>;

fn exports(run: &Run) -> Vec<Export<'_>> {
    let runs = std::slice::from_ref(run);
    let mut all: Vec<Export<'_>> = Vec::new();
    for format in FORMATS {
        all.push(Box::new(move |out| write_runs(runs, format, out).map(drop)));
    }
    all.push(Box::new(move |out| {
        sft::export(runs, &sft::Settings::new(Target::LlamaFactory), &Counter::Estimate, out).map(drop)
    }));
    all.push(Box::new(move |out| {
        let prompts = Prompts::new(Default::default()).unwrap();
        let settings = verifier::Settings::new(Target::Openai);
        verifier::export(&[(Run::open(run.folder()).unwrap(), false)], &settings, &Counter::Estimate, &prompts, out)
            .map(drop)
    }));
    all
}

fn names(folder: &Path) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    files(folder, "").iter().map(name).collect()
}

#[test]
fn an_export_never_stands_among_files_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[episode("a__b-1", 0, true, "x", 1), episode("a__b-1", 1, false, "y", 2)]);
    for (number, export) in exports(&run).into_iter().enumerate() {
        let [out, other] = ["out", "other"].map(|name| folder.path().join(format!("{number}-{name}")));
        export(Out::new(&out)).unwrap();
        let written = names(&out);
        fs::write(out.join("validation.json"), "of an earlier export").unwrap();
        let refused = export(Out::new(&out)).unwrap_err().to_string();
        assert!(refused.contains("holds an earlier export") && refused.contains("`--force`"), "{refused}");
        export(replaced(&out)).unwrap();
        assert_eq!(names(&out), written);
        // What is of no export is never removed.
        fs::create_dir(&other).unwrap();
        fs::write(other.join("mine"), "").unwrap();
        let refused = export(replaced(&other)).unwrap_err().to_string();
        assert!(refused.contains("holds `mine`, which is of no export"), "{refused}");
        assert_eq!(names(&other), ["mine"]);
    }
}

#[test]
fn nothing_is_left_of_an_export_of_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[episode("a__b-1", 0, false, "x", 1)]);
    let out = folder.path().join("out");
    for export in exports(&run).split_off(FORMATS.len()) {
        assert!(export(Out::new(&out)).unwrap_err().to_string().contains("no row is left"));
        assert!(!out.exists());
    }
}

#[test]
fn what_could_not_be_read_and_what_was_refused_comes_back_from_harbors_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = answered("no call", &[], None);
    if let Record::Completion { completion, .. } = &mut broken {
        completion.malformed = Some("what was wrong".to_owned());
    }
    let refused = || Record::TooLong { step: 2, request: String::new(), restored: false };
    let records =
        vec![header(), said(Message::user("u")), broken, refused(), refused(), answered("b", &[], None), outcome()];
    let run = run(folder.path(), &[Written { instance: "a__b-1", sample: 0, resolved: true, records }]);
    let out = folder.path().join("out");
    exported(&run, Format::Atif, &out);
    let again = taken_in(folder.path(), "again", &files(&out, "agent/trajectory.json"));
    let trajectory = again.episodes("cell").remove(0).trajectory().unwrap().unwrap();
    let kinds: Vec<String> = trajectory
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Completion { completion, .. } => Some(format!("answer {:?}", completion.malformed.as_deref())),
            Record::TooLong { .. } => Some("too long".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["answer Some(\"what was wrong\")", "too long", "too long", "answer None"]);
}

#[test]
fn totals_that_are_not_known_are_not_said_to_be_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    exported(&run(folder.path(), &one("a__b-1")), Format::Atif, &out);
    let stats = &json_of(&out.join("run.cell/result.json"))["stats"];
    for key in ["n_input_tokens", "n_cache_tokens", "n_output_tokens", "cost_usd"] {
        assert_eq!(stats.get(key), Some(&json!(null)), "{key}");
    }
}

#[test]
fn each_answer_has_one_response_id_in_all_files_of_openhands() {
    let folder = tempfile::tempdir().unwrap();
    let records = vec![
        header(),
        said(Message::user("u")),
        answered("a", &[call("c1", "ls")], None),
        observed(&call("c1", "ls"), "x"),
        Record::Conversation { step: 1, name: String::new(), restored: false },
        said(Message::user("v")),
        answered("b", &[call("c2", "ls")], None),
        outcome(),
    ];
    let run = run(folder.path(), &[Written { instance: "a__b-1", sample: 0, resolved: true, records }]);
    let out = folder.path().join("out");
    exported(&run, Format::OpenHands, &out);
    let completions = files(&out.join("llm_completions"), ".json");
    let in_completions: Vec<_> =
        completions.iter().map(|path| json_of(path)["response"]["id"].as_str().unwrap().to_owned()).collect();
    let row = json_of(&out.join("output.jsonl"));
    let calls = row["history"].as_array().unwrap().iter().filter(|event| event["action"] == "run");
    let in_history: Vec<_> =
        calls.map(|event| event["tool_call_metadata"]["model_response"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(in_completions, in_history);
    assert_ne!(in_completions[0], in_completions[1]);
}

#[test]
fn an_example_of_several_calls_is_said_once_and_has_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let calls = [call("c1", "ls"), call("c2", "pwd")];
    let shown = |call| said(Message::tool(call, "shown"));
    let records = vec![
        header(),
        said(Message::user("Such as this.")),
        said(Message::assistant("I look twice.", calls.to_vec())),
        shown(&calls[0]),
        shown(&calls[1]),
        said(Message::user("Repair.")),
        answered("done", &[], None),
        outcome(),
    ];
    let run = run(folder.path(), &[Written { instance: "a__b-1", sample: 0, resolved: true, records }]);
    let out = folder.path().join("out");
    let written = exported(&run, Format::OpenHands, &out);
    assert_eq!(written.losses.get("results of no call that was made"), None);
    let row = json_of(&out.join("output.jsonl"));
    let told = row["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| format!("{} {} {}", event["id"], event["args"]["thought"], event["cause"]));
    expect![[r#"
        0 null null
        1 "I look twice." null
        2 "" null
        3 null 1
        4 null 2
        5 null null
        6 null null"#]]
    .assert_eq(&told.collect::<Vec<_>>().join("\n"));
}
