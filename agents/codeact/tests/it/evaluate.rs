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
    assert!(ran.stderr.contains("demo__lru-1: resolved: false (the tests timed out)"), "{ran:?}");
    assert_eq!(ran.report("demo__durations-1")["patch_is_None"], true);
    let official = read(&program.path("reports/org__m.r.json"));
    assert_eq!(official, read(&program.path(".runs/r/evaluate/report.json")));
    let ids = |key: &str| official[key].clone();
    assert_eq!(ids("error_ids"), json!(["demo__lru-1", "demo__tables-1"]), "{official}");
    assert_eq!(ids("empty_patch_ids"), json!(["demo__durations-1"]));
    assert_eq!(ids("completed_ids"), json!([]));
    let summary = read(&program.path(".runs/r/evaluate/summary.json"));
    for (key, count) in [
        ("asked", 3),
        ("submitted", 3),
        ("judged", 3),
        ("timed_out", 1),
        ("not_applied", 1),
        ("empty", 1),
        ("solved", 0),
    ] {
        assert_eq!(summary[key], count, "{key}: {summary}");
    }
    assert_eq!(summary["resolved"]["of_asked"], 0.0);
    // More time is another way of judging: nothing judged with less counts for it.
    let again = program.run(&["evaluate", "--dataset", "demo", "-p", "empty", "demo__durations-1", "--run", "r"]);
    assert!(
        again.stderr.contains(
            "no rate: 2 of the 3 asked are unfinished; asked: 3, judged: 1, infrastructure: 0, unfinished: 2"
        ),
        "{again:?}"
    );
}

#[test]
fn what_infrastructure_kept_from_a_verdict_is_tried_again_by_the_same_command() {
    // Where cannot create a temporary folder, no sandbox can start.
    let program = Program::new();
    let fast = ["-c", "evaluation.wait=0", "-c", "evaluation.retries=1"];
    let arguments = [GOLD.as_slice(), &["r"], &fast].concat();
    fs::remove_dir(program.temporary()).unwrap();
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stderr.matches("tried again").count(), 3, "{ran:?}");
    assert!(ran.stderr.contains("no rate: infrastructure kept 3 of the 3 that had to be run"), "{ran:?}");
    assert_eq!(ran.report("demo__lru-1"), Value::Null);
    assert_eq!(read(&program.path(".runs/r/evaluate/summary.json"))["resolved"], Value::Null);

    let allowed = program.run(&[arguments.as_slice(), &["--allow-infrastructure", "1"]].concat());
    assert_eq!(allowed.code, Some(1), "{allowed:?}");
    assert!(allowed.stderr.contains("resolved: 0.0% of the 3 asked"), "{allowed:?}");

    fs::create_dir(program.temporary()).unwrap();
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("resolved: 100.0% of the 3 asked"), "{ran:?}");
}

/// Returns the patch that solves the instance.
fn gold(program: &Program, id: &str) -> Value {
    program.run(&["evaluate", "-d", "demo", "-p", "gold", id, "--run", "gold"]);
    json!(fs::read_to_string(program.path(&format!(".runs/gold/evaluate/{id}/patch.diff"))).unwrap())
}

#[test]
fn several_models_in_one_file_have_a_cell_and_a_report_each() {
    let program = Program::new();
    let solves = gold(&program, "demo__lru-1");
    let line = |model: &str, patch: &Value| {
        json!({ "instance_id": "demo__lru-1", "model_name_or_path": model, "model_patch": patch }).to_string() + "\n"
    };
    let useless = adding("new.txt", "x");
    let text = line("org/a", &solves) + &line("b", &useless) + &line("org__a", &useless) + &line("b", &useless);
    fs::write(program.path("p.jsonl"), text).unwrap();
    let command = ["evaluate", "-d", "demo", "-p", "p.jsonl", "--run", "r", "--report-dir", "reports"];
    let ran = program.run(&command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("line 4: the same prediction for `demo__lru-1` by `b` as in line 2"), "{ran:?}");
    let found: BTreeMap<String, bool> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["model"].as_str().unwrap().to_owned(), line["resolved"].as_bool().unwrap()))
        .collect();
    let expected =
        [("b", false), ("org/a", true), ("org__a", false)].map(|(model, resolved)| (model.to_owned(), resolved));
    assert_eq!(found, BTreeMap::from(expected), "{ran:?}");
    let mut reports: Vec<(String, usize)> = fs::read_dir(program.path("reports"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let resolved = read(&entry.path())["resolved_ids"].as_array().unwrap().len();
            (entry.file_name().into_string().unwrap(), resolved)
        })
        .collect();
    reports.sort();
    // Two of the models have one name as the official harness writes it.
    assert_eq!((reports.len(), &reports[0]), (3, &("b.r.json".to_owned(), 0)), "{reports:?}");
    assert!(reports.contains(&("org__a.r.json".to_owned(), 1)), "{reports:?}");
    let again = program.run(&command);
    assert!(again.stderr.contains("3 of 3 already had a result"), "{again:?}");
    let whole = program.run(&[&command[..], &["--reports"]].concat());
    assert_eq!(whole.printed_report("org/a")["demo__lru-1"]["resolved"], true, "{whole:?}");
}

#[test]
fn another_models_patches_do_not_take_the_place_of_verdicts() {
    let program = Program::new();
    for model in ["a", "b", "a"] {
        let line =
            json!({ "instance_id": "demo__lru-1", "model_name_or_path": model, "model_patch": adding(model, "x") });
        fs::write(program.path("p.jsonl"), line.to_string()).unwrap();
        program.run(&["evaluate", "-d", "demo", "-p", "p.jsonl", "--run", "r"]);
    }
    for (cell, model) in [("evaluate", "a"), ("evaluate+model=b", "b")] {
        let patch = fs::read_to_string(program.path(&format!(".runs/r/{cell}/demo__lru-1/patch.diff"))).unwrap();
        assert!(patch.contains(&format!("b/{model}")), "{cell}: {patch}");
    }
}

#[test]
fn half_a_character_spoils_its_row_and_the_rest_is_judged() {
    let program = Program::new();
    let solves = gold(&program, "demo__lru-1");
    let line = |id: &str, patch: &Value| {
        json!({ "instance_id": id, "model_name_or_path": "m", "model_patch": patch }).to_string() + "\n"
    };
    let spoiled = line("demo__tables-1", &adding("new.txt", "HALF")).replace("HALF", "\\ud800");
    fs::write(program.path("p.jsonl"), spoiled + &line("demo__lru-1", &solves)).unwrap();
    let command = ["evaluate", "-d", "demo", "-p", "p.jsonl", "--run", "r"];
    for _ in 0..2 {
        let ran = program.run(&command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("line 1: the patch for `demo__tables-1` contains a lone surrogate"), "{ran:?}");
        assert_eq!(ran.line("demo__tables-1")["failure"], "patch_not_applied");
        assert_eq!(ran.line("demo__lru-1")["resolved"], true);
        let summary = read(&program.path(".runs/r/evaluate/summary.json"));
        assert_eq!((&summary["solved"], &summary["not_applied"]), (&json!(1), &json!(1)), "{summary}");
    }
    // The text that stands for it is another patch, and a good one.
    let text = adding("new.txt", "\u{fffd}");
    fs::write(program.path("p.jsonl"), line("demo__tables-1", &text)).unwrap();
    assert_eq!(program.run(&command).line("demo__tables-1")["failure"], Value::Null);
}

#[test]
fn an_earlier_file_of_openhands_has_the_patch_at_the_top_of_a_line() {
    let program = Program::new();
    let line = json!({
        "instance_id": "demo__lru-1", "git_patch": gold(&program, "demo__lru-1"), "test_result": {},
        "metadata": { "llm_config": { "model": "m" } },
    });
    fs::write(program.path("output.jsonl"), format!("\u{feff}{line}\n")).unwrap();
    let ran = program.run(&["evaluate", "-d", "demo", "-p", "output.jsonl", "--run", "r"]);
    assert_eq!(ran.line("demo__lru-1")["resolved"], true, "{ran:?}");
}

#[test]
fn a_log_that_speaks_of_broken_infrastructure_is_the_patchs_own_and_is_judged_once() {
    let program = Program::new();
    let words = ["Could not resolve host: example.org", "Error response from daemon: no such container", "Killed"];
    let dies = |word: &str| adding("unittest.py", &format!("import os\nprint('\\n{word}', flush=True)\nos._exit(1)"));
    let predictions = ["demo__lru-1", "demo__tables-1", "demo__durations-1"].into_iter().zip(words.map(dies));
    let ran = evaluate(&program, &predictions.collect::<Vec<_>>(), &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("tried again"), "{ran:?}");
    assert_eq!(ran.stderr.matches("run without the patch as well").count(), 3, "{ran:?}");
    let summary = read(&program.path(".runs/r/evaluate/summary.json"));
    assert_eq!((&summary["errored"], &summary["infrastructure"]), (&json!(3), &json!(0)), "{summary}");
    // Another patch that does so needs no other run without one.
    let other = adding("unittest.py", "import os\nprint('\\nKilled', flush=True)\nos._exit(2)");
    let ran = evaluate(&program, &[("demo__lru-1", other)], &[]);
    assert!(ran.stderr.contains("resolved: false") && !ran.stderr.contains("run without the patch"), "{ran:?}");
}

#[test]
fn the_sandbox_that_judges_has_its_own_limits_and_another_one_judges_again() {
    let program = Program::new();
    let judge = |more: &[&str]| program.run(&[GOLD.as_slice(), &["r", "demo__lru-1"], more].concat());
    let first = judge(&[]);
    assert_eq!(first.line("demo__lru-1")["resolved"], true, "{first:?}");
    let kept = |more: &[&str]| {
        let ran = judge(more);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stderr.contains("1 of 1 already had a result")
    };
    // What the agent's sandbox may use, and how long to wait for what, changes no verdict.
    assert!(kept(&["-c", "sandbox.memory=64m", "-c", "sandbox.pids=9", "-c", "limits.steps=3"]));
    assert!(kept(&["-c", "evaluation.retries=7", "-c", "sandbox.timeout=9"]));
    for setting in ["env.memory=3g", "env.pids=900", "env.cpus=1.5", "env.network=none", "env.eval_timeout=77"] {
        assert!(!kept(&["-c", setting]), "{setting}");
        assert!(kept(&["-c", setting]), "{setting}");
    }
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
    assert!(said.contains("2 of the dataset's 3 instances asked for: 1 solved, 0 unsolved, 1 unfinished"), "{said}");
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
    assert!(again.stderr.contains("3 of 3 already had a result"), "{again:?}");
}

#[test]
fn a_key_that_a_test_prints_is_in_no_file_of_the_run() {
    let key = "sk-test-0123456789abcdef";
    let program = Program::new().with("OPENAI_API_KEY", key);
    // Git prints the names of the files that it makes.
    let patch =
        format!("diff --git a/{key} b/{key}\nnew file mode 100644\n--- /dev/null\n+++ b/{key}\n@@ -0,0 +1 @@\n+x\n");
    let line = json!({ "instance_id": "demo__lru-1", "model_name_or_path": "m", "model_patch": patch });
    fs::write(program.path("preds.jsonl"), format!("{line}\n")).unwrap();
    let ran = program.run(&["evaluate", "--dataset", "demo", "--predictions", "preds.jsonl", "--run", "r"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let output = fs::read_to_string(&program.found("test_output.txt")[0]).unwrap();
    assert!(output.contains("[redacted OPENAI_API_KEY]") && !output.contains(key), "{output}");
}
