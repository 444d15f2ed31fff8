//! Judging and validating patches that are already there, on the demo instances.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::program::{Program, Ran};

const GOLD: [&str; 6] = ["evaluate", "--dataset", "demo", "--predictions", "gold", "--run"];

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Writes one prediction a line and evaluates them.
fn evaluate(program: &Program, predictions: &[(&str, Value)], more: &[&str]) -> Ran {
    let line = |(id, patch): &(&str, Value)| {
        json!({ "instance_id": id, "model_name_or_path": "org/m", "model_patch": patch }).to_string() + "\n"
    };
    fs::write(program.path("p.jsonl"), predictions.iter().map(line).collect::<String>()).unwrap();
    let arguments = [&["evaluate", "--dataset", "demo", "-p", "p.jsonl", "--run", "r"], more].concat();
    program.run(&arguments)
}

/// Returns a patch that adds a file with this text.
fn adding(path: &str, text: &str) -> Value {
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    let count = text.lines().count();
    json!(format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    ))
}

#[test]
fn each_ending_is_counted_and_the_official_summary_is_written_under_its_own_name() {
    let program = Program::new();
    let ran = evaluate(
        &program,
        &[
            ("demo__lru-1", adding("unittest.py", "import time\ntime.sleep(1000)")),
            ("demo__tables-1", json!("diff --git a/no b/no\n--- a/no\n+++ b/no\n@@ -1 +1 @@\n-a\n+b\n")),
            ("demo__durations-1", Value::Null),
        ],
        &["--timeout", "3", "--workers", "2", "--report-dir", "reports"],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("demo__lru-1: resolved: false (the tests ran into the time limit)"), "{ran:?}");
    assert_eq!(ran.report("demo__durations-1")["patch_is_None"], true);
    let official = read(&program.path("reports/org__m.r.json"));
    assert_eq!(official, read(&program.path(".runs/r/evaluate/report.json")));
    let ids = |key: &str| official[key].clone();
    assert_eq!(ids("error_ids"), json!(["demo__lru-1", "demo__tables-1"]), "{official}");
    assert_eq!(ids("empty_patch_ids"), json!(["demo__durations-1"]));
    assert_eq!(ids("completed_ids"), json!([]));
    let summary = read(&program.path(".runs/r/evaluate/summary.json"));
    for (key, count) in [("submitted", 3), ("timed_out", 1), ("not_applied", 1), ("empty", 1), ("solved", 0)] {
        assert_eq!(summary[key], count, "{key}: {summary}");
    }
    assert_eq!(summary["resolved"]["of_submitted"], 0.0);
    // More time is another way of judging: nothing judged with less counts for it.
    let again = program.run(&["evaluate", "--dataset", "demo", "-p", "empty", "demo__durations-1", "--run", "r"]);
    assert!(again.stderr.contains("no rate: 2 of 3 submitted are not judged yet"), "{again:?}");
}

#[test]
fn what_infrastructure_kept_from_a_verdict_is_tried_again_by_the_same_command() {
    // Where no temporary folder can be made, no sandbox can start.
    let program = Program::new();
    let fast = ["-c", "evaluation.wait=0", "-c", "evaluation.retries=1"];
    let arguments = [GOLD.as_slice(), &["r"], &fast].concat();
    fs::remove_dir(program.temporary()).unwrap();
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stderr.matches("tried again").count(), 3, "{ran:?}");
    assert!(ran.stderr.contains("no rate: infrastructure kept 3 of the 3 patches"), "{ran:?}");
    assert_eq!(ran.report("demo__lru-1"), Value::Null);
    assert_eq!(read(&program.path(".runs/r/evaluate/summary.json"))["resolved"], Value::Null);

    let allowed = program.run(&[arguments.as_slice(), &["--allow-infrastructure", "1"]].concat());
    assert_eq!(allowed.code, Some(1), "{allowed:?}");
    assert!(allowed.stderr.contains("resolved: 0.0% of the 3 submitted"), "{allowed:?}");

    fs::create_dir(program.temporary()).unwrap();
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("resolved: 100.0% of the 3 submitted"), "{ran:?}");
}

fn check_refused(predictions: &[&str], more: &[&str], expected: &Expect) {
    let program = Program::new();
    let predictions: Vec<_> = predictions.iter().map(|id| (*id, Value::Null)).collect();
    let ran = evaluate(&program, &predictions, more);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    expected.assert_eq(&ran.stderr);
}

#[test]
fn unknown_instances_are_all_named_with_the_nearest() {
    check_refused(
        &["demo__lro-1", "DEMO__lru-1", "demo__table-1"],
        &[],
        &expect![[r#"
            error: predictions `p.jsonl`: 2 instances are not in the dataset
              `demo__lro-1` (did you mean `demo__lru-1`?)
              `demo__table-1` (did you mean `demo__tables-1`?)
            hint: `--skip-unknown` leaves them out
        "#]],
    );
    let program = Program::new();
    let ran = evaluate(&program, &[("demo__lro-1", Value::Null), ("DEMO__lru-1", Value::Null)], &["--skip-unknown"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(read(&program.path(".runs/r/evaluate/report.json"))["submitted_ids"], json!(["demo__lru-1"]));
}

/// Returns, by path, what tells a file from one that was written again.
fn stamps(program: &Program, name: &str) -> BTreeMap<String, (u64, i64, i64)> {
    let stamp = |path: &std::path::PathBuf| {
        let state = fs::metadata(path).unwrap();
        (path.display().to_string(), (state.ino(), state.mtime(), state.mtime_nsec()))
    };
    program.found(name).iter().map(stamp).collect()
}

/// Runs a command whole, then another one killed again and again; nothing that it finished may be done twice, and what
/// it leaves must be the same.
fn check_killed(command: &[&str], results: &[&str], ends: &[&str]) {
    let program = Program::new();
    let begun = Instant::now();
    let whole = program.run(&[command, &["whole"]].concat());
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let life = begun.elapsed();
    let arguments = [command, &["killed"]].concat();
    let mut before = BTreeMap::new();
    for round in 0..8u32 {
        let mut child = program.start(&arguments);
        // Early and late instants in turn, spread over the life of a whole run.
        std::thread::sleep(life * (round * 5 % 8 + 1) / 12 + Duration::from_millis(u64::from(round) * 7));
        child.kill().unwrap();
        child.wait().unwrap();
        let now: BTreeMap<_, _> = results.iter().flat_map(|name| stamps(&program, name)).collect();
        for (path, stamp) in before.iter().filter(|(path, _): &(&String, _)| path.contains("/killed/")) {
            assert_eq!(now.get(path), Some(stamp), "`{path}` was done again in round {round}");
        }
        before = now;
    }
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let now: BTreeMap<_, _> = results.iter().flat_map(|name| stamps(&program, name)).collect();
    for (path, stamp) in before {
        assert_eq!(now.get(&path), Some(&stamp), "`{path}` was done again at the end");
    }
    assert_eq!(now.len() % 2, 0, "{now:?}");
    for name in ends {
        for path in program.found(name) {
            let other = path.display().to_string().replace("/killed/", "/whole/");
            assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(other).unwrap(), "{}", path.display());
        }
    }
    let clean = program.run(&["clean"]);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert_eq!(fs::read_dir(program.temporary()).unwrap().count(), 0);
}

#[test]
fn a_killed_evaluation_judges_nothing_twice_and_ends_with_the_same_reports() {
    check_killed(&GOLD, &["judged.json"], &["report.json", "summary.json"]);
}

#[test]
fn a_killed_validation_runs_nothing_twice_and_ends_with_the_same_lists() {
    let command = ["validate", "--dataset", "demo", "--workers", "2", "--run"];
    check_killed(&command, &["gold.1.json", "empty.1.json"], &["validation.json", "validation.jsonl"]);
}

#[test]
fn an_interrupted_evaluation_says_what_is_there() {
    let program = Program::new();
    let slow = adding("unittest.py", "import time\ntime.sleep(1000)");
    let gold =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../envs/demo/instances/demo__lru-1/gold.patch"));
    let done = evaluate(&program, &[("demo__lru-1", json!(gold.unwrap()))], &[]);
    assert_eq!(done.report("demo__lru-1")["resolved"], true, "{done:?}");
    fs::write(
        program.path("slow.jsonl"),
        json!({ "instance_id": "demo__tables-1", "model_name_or_path": "m", "model_patch": slow }).to_string(),
    )
    .unwrap();
    let child = program.start(&["evaluate", "--dataset", "demo", "-p", "slow.jsonl", "--run", "r"]);
    // The sandbox is there once the tests may run.
    while fs::read_dir(program.temporary()).unwrap().next().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("2 of the dataset's 3 instances submitted: 1 solved, 0 unsolved, 1 not judged"), "{said}");
    assert!(said.contains("interrupted by Ctrl-C"), "{said}");
    assert_eq!(fs::read_dir(program.temporary()).unwrap().count(), 0, "{said}");
}

#[test]
fn validation_finds_the_rows_lists() {
    let program = Program::new();
    let command = ["validate", "--dataset", "demo", "--repeat", "2", "--check", "--run", "v"];
    let ran = program.run(&command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let one: Value = serde_json::from_str(ran.stdout.lines().nth(1).unwrap()).unwrap();
    let none = json!({ "missing": 0, "extra": 0 });
    assert_eq!(
        one,
        json!({
            "instance_id": "demo__lru-1",
            "FAIL_TO_PASS": 4,
            "PASS_TO_PASS": 5,
            "flaky": 0,
            "differences": { "FAIL_TO_PASS": none, "PASS_TO_PASS": none },
            "problems": [],
        }),
        "{ran:?}"
    );
    let logs: usize =
        ["gold.1.log", "gold.2.log", "empty.1.log", "empty.2.log"].iter().map(|name| program.found(name).len()).sum();
    assert_eq!(logs, 12);
    let lines = fs::read_to_string(program.path(".runs/v/validate/validation.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3);
    let again = program.run(&command);
    assert!(again.stderr.contains("3 of 3 had their results from an earlier process"), "{again:?}");
}
