//! The instances that ship with the project, solved from their recorded episodes.

use std::fs;

use agent_core::{Record, Trajectory};
use serde_json::Value;

use crate::program::Program;

const IDS: [&str; 3] = ["demo__durations-1", "demo__lru-1", "demo__tables-1"];

#[test]
fn every_demo_instance_is_solved_with_no_model_configured() {
    for id in IDS {
        let program = Program::new();
        let ran = program.run(&["solve", id]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.report(id)["resolved"], true, "{ran:?}");
        assert_eq!(ran.stderr.matches("no model is configured: replaying").count(), 1, "{ran:?}");
        let failures = &ran.report(id)["tests_status"]["FAIL_TO_PASS"]["failure"];
        assert_eq!(failures.as_array().map(Vec::len), Some(0), "{ran:?}");
    }
}

#[test]
fn without_its_recorded_edits_an_episode_ends_unresolved() {
    for id in IDS {
        let program = Program::new();
        let episode = demo::episode(id, "codeact").unwrap();
        let edits = |line: &&str| !line.contains("\\\"command\\\":\\\"str_replace\\\"");
        let without: Vec<&str> = episode.lines().filter(edits).collect();
        assert!(without.len() < episode.lines().count(), "{id} has no recorded edit");
        fs::write(program.path("episode.jsonl"), without.join("\n")).unwrap();
        let replay = ["-c", "model.provider=replay", "-c", "model.path=episode.jsonl"];
        let ran = program.run(&[&["solve", id, "-c", "model.on_divergence=ignore"], &replay[..]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.report(id)["resolved"], false, "{ran:?}");
    }
}

#[test]
fn the_run_folder_holds_what_the_official_harness_reads() {
    let program = Program::new();
    let ran = program.run(&["solve", "demo__lru-1", "--run", "one"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let folder = program.path(".runs/one/codeact");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let prediction: Value = serde_json::from_str(read("preds.jsonl").trim()).unwrap();
    assert_eq!(prediction["instance_id"], "demo__lru-1");
    assert_eq!(prediction["model_patch"], read("demo__lru-1/patch.diff"));
    let summary: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(summary["schema_version"], 2);
    assert_eq!(summary["resolved_ids"], serde_json::json!(["demo__lru-1"]));
    assert_eq!(summary["total_instances"], 3);
    assert!(read("demo__lru-1/test_output.txt").contains(">>>>> Start Test Output"));
    let trajectory = Trajectory::parse(&read("demo__lru-1/trajectory.jsonl")).unwrap();
    assert_eq!(trajectory.outcome().unwrap().patch.as_ref().unwrap().0, read("demo__lru-1/patch.diff"));
    assert!(read("config.yaml").contains("limits:"));
}

#[test]
fn a_finished_run_is_not_repeated_and_its_record_replays() {
    let program = Program::new();
    let first = program.run(&["solve", "demo__tables-1", "--run", "one"]);
    let again = program.run(&["solve", "demo__tables-1", "--run", "one"]);
    assert_eq!(again.report("demo__tables-1"), first.report("demo__tables-1"));
    assert!(again.stderr.contains("found a finished episode"), "{again:?}");

    let recorded = program.path(".runs/one/codeact/demo__tables-1/trajectory.jsonl");
    let path = format!("model.path={}", recorded.display());
    let replayed =
        program.run(&["solve", "demo__tables-1", "--run", "two", "-c", "model.provider=replay", "-c", &path]);
    assert_eq!(replayed.report("demo__tables-1"), first.report("demo__tables-1"), "{replayed:?}");
    let answers = |run: &str| {
        let path = program.path(&format!(".runs/{run}/codeact/demo__tables-1/trajectory.jsonl"));
        let trajectory = Trajectory::parse(&fs::read_to_string(path).unwrap()).unwrap();
        let prints = trajectory.records.iter().filter_map(|record| match record {
            Record::Completion { request, .. } => Some(request.clone()),
            _ => None,
        });
        prints.collect::<Vec<String>>()
    };
    assert_eq!(answers("one"), answers("two"));
}

#[test]
fn nothing_is_left_behind_in_the_temporary_folder() {
    let program = Program::new();
    program.run(&["solve", "demo__durations-1"]);
    let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_header_says_when_the_history_was_kept() {
    for (setting, kept) in [("sandbox.keep_history=true", true), ("sandbox.keep_history=false", false)] {
        let program = Program::new();
        let ran = program.run(&["solve", "demo__lru-1", "-c", setting]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let text = fs::read_to_string(&program.found("trajectory.jsonl")[0]).unwrap();
        assert_eq!(Trajectory::parse(&text).unwrap().header().unwrap().history_kept, kept);
    }
}

#[test]
fn two_sets_of_predictions_never_share_a_summary() {
    let program = Program::new();
    program.run(&["evaluate", "--dataset", "demo", "-p", "gold", "demo__lru-1"]);
    program.run(&["evaluate", "--dataset", "demo", "-p", "empty", "demo__lru-1"]);
    let summaries: Vec<Value> = program
        .found("report.json")
        .iter()
        .map(|path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap())
        .filter(|report| report.get("schema_version").is_some())
        .collect();
    assert_eq!(summaries.len(), 2);
    for summary in summaries {
        assert_eq!(summary["submitted_instances"], 1, "{summary}");
    }
}

#[test]
fn a_changed_recording_is_another_run_and_other_settings_need_another_name() {
    let program = Program::new();
    let episode = demo::episode("demo__lru-1", "codeact").unwrap();
    let replay = [
        "solve",
        "demo__lru-1",
        "-c",
        "model.provider=replay",
        "-c",
        "model.path=e.jsonl",
        "-c",
        "model.on_divergence=ignore",
    ];
    fs::write(program.path("e.jsonl"), episode).unwrap();
    assert_eq!(program.run(&replay).report("demo__lru-1")["resolved"], true);
    let edits = |line: &&str| !line.contains("\\\"command\\\":\\\"str_replace\\\"");
    fs::write(program.path("e.jsonl"), episode.lines().filter(edits).collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(program.run(&replay).report("demo__lru-1")["resolved"], false);

    let first = program.run(&["solve", "demo__lru-1", "--run", "named"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let config = program.path(".runs/named/codeact/config.yaml");
    let before = fs::read_to_string(&config).unwrap();
    let other = program.run(&["solve", "demo__lru-1", "--run", "named", "-c", "limits.steps=3"]);
    assert!(other.code == Some(1) && other.stderr.contains("other settings"), "{other:?}");
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
    let waiting = program.run(&["solve", "demo__lru-1", "--run", "named", "-c", "model.retry.cap=5"]);
    assert!(waiting.stderr.contains("found a finished episode"), "{waiting:?}");
    let again = program.run(&["solve", "demo__lru-1", "--run", "again", "-c", ".runs/named/codeact/config.yaml"]);
    assert_eq!(again.report("demo__lru-1")["resolved"], true, "{again:?}");
}

#[test]
fn what_the_agent_did_to_the_tests_makes_no_difference_to_the_verdict() {
    let program = Program::new();
    let gold = program.run(&["evaluate", "--dataset", "demo", "-p", "gold", "demo__lru-1", "--run", "gold"]);
    assert_eq!(gold.code, Some(0), "{gold:?}");
    let patch = fs::read_to_string(program.path(".runs/gold/evaluate/demo__lru-1/patch.diff")).unwrap();
    let tests = "diff --git a/tests/test_cache.py b/tests/test_cache.py\n--- a/tests/test_cache.py\n\
                 +++ b/tests/test_cache.py\n@@ -1,3 +1,4 @@\n+import this\n import unittest\n \n from lru import Cache\n";
    let line = serde_json::json!({
        "instance_id": "demo__lru-1", "model_name_or_path": "m", "model_patch": format!("{patch}{tests}"),
    });
    fs::write(program.path("p.jsonl"), format!("{line}\n")).unwrap();
    let ran = program.run(&["evaluate", "--dataset", "demo", "-p", "p.jsonl"]);
    assert_eq!(ran.report("demo__lru-1")["resolved"], true, "{ran:?}");
}
