//! Verdicts on logs that were saved, and how they agree with recorded ones.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Program, Ran};

const IDS: [&str; 3] = ["demo__durations-1", "demo__lru-1", "demo__tables-1"];
const OUTPUT: &str = "test_output.txt";

/// Returns a program in whose folder the demo instances were judged with the gold patch, and where their logs are.
fn judged() -> (Program, &'static str) {
    let program = Program::new();
    let ran = program.run(&["evaluate", "--dataset", "demo", "--predictions", "gold", "--run", "r"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (program, ".runs/r/evaluate")
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn write_lines(program: &Program, name: &str, lines: &[Value]) {
    fs::write(program.path(name), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn a_saved_log_has_the_verdict_that_it_had_when_it_was_written() {
    let (program, folder) = judged();
    for id in IDS {
        let log = format!("{folder}/{id}/{OUTPUT}");
        let ran = program.run(&["grade", "--log", &log, "--instance", id]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let own: Value =
            serde_json::from_str(&fs::read_to_string(program.path(&format!("{folder}/{id}/report.json"))).unwrap())
                .unwrap();
        assert_eq!(ran.printed_report(id), own[id]);
        assert_eq!(own[id]["resolved"], true);
    }
    let log = program.path("short.txt");
    let text = fs::read_to_string(program.path(&format!("{folder}/{}/{OUTPUT}", IDS[1]))).unwrap();
    fs::write(&log, text.split("PASSED").next().unwrap()).unwrap();
    let ran = program.run(&["grade", "--log", "short.txt", "--instance", IDS[1]]);
    assert_eq!((ran.code, &ran.printed_report(IDS[1])["resolved"]), (Some(0), &json!(false)), "{ran:?}");
    assert!(ran.stderr.contains("the log does not count"), "{ran:?}");
}

#[test]
fn the_logs_of_a_run_are_graded_by_their_names() {
    let (program, folder) = judged();
    let ran = program.run(&["grade", "--logs", folder, "--dataset", "demo"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let graded = lines(&ran);
    assert_eq!(graded.iter().map(|line| line["instance_id"].as_str().unwrap()).collect::<Vec<_>>(), IDS);
    assert!(graded.iter().all(|line| line["report"]["resolved"] == true), "{ran:?}");
    assert!(ran.stderr.contains("3 resolved, 0 not, 0 without a verdict"), "{ran:?}");
}

#[test]
fn logs_in_an_archive_are_graded_and_what_is_missing_is_named() {
    let (program, folder) = judged();
    let packed = Command::new("tar").current_dir(program.path(folder)).args(["cf", "../../../logs.tar", "."]).status();
    assert!(packed.unwrap().success());
    let records: Vec<Value> =
        IDS.iter().map(|id| json!({ "log": format!("{id}/{OUTPUT}"), "instance_id": id })).collect();
    let more =
        [json!({ "log": "no.log", "instance_id": IDS[0] }), json!({ "log": "x/y", "instance_id": "demo__lru-2" })];
    write_lines(&program, "manifest.jsonl", &[&records, &more[..]].concat());
    let ran = program.run(&["grade", "--logs", "logs.tar", "--manifest", "manifest.jsonl", "--dataset", "demo"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let graded = lines(&ran);
    assert!(graded[..3].iter().all(|line| line["report"]["resolved"] == true), "{ran:?}");
    assert!(graded[3]["error"].as_str().unwrap().starts_with("no such log: `no.log`"), "{ran:?}");
    assert!(ran.stderr.contains("3 resolved, 0 not, 2 without a verdict"), "{ran:?}");

    fs::write(program.path("logs.tar"), &fs::read(program.path("logs.tar")).unwrap()[..3000]).unwrap();
    let ran = program.run(&["grade", "--logs", "logs.tar", "--manifest", "manifest.jsonl", "--dataset", "demo"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(lines(&ran)[2]["error"].as_str().unwrap().contains("logs.tar` cannot be read"), "{ran:?}");

    write_lines(&program, "manifest.jsonl", &[records[0].clone(), records[0].clone()]);
    let ran = program.run(&["grade", "--logs", "logs.tar", "--manifest", "manifest.jsonl", "--dataset", "demo"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("line 2") && ran.stderr.contains("named in line 1 already"), "{ran:?}");
}

#[test]
fn wrong_usage_says_what_to_do() {
    let program = Program::new();
    fs::create_dir(program.path("empty")).unwrap();
    fs::write(program.path("x.log"), "PASSED a\n").unwrap();
    for (arguments, said) in [
        (vec!["grade", "--logs", "empty"], "`--manifest FILE` says"),
        (vec!["grade", "--log", "x.log", "--instance", "demo__lru-2"], "did you mean `demo__lru-1`?"),
        (vec!["grade", "--log", "no.log", "--instance", "demo__lru-1"], "no.log"),
        (vec!["grade", "--log", "x.log", "--instance", "demo__lru-1", "--dialect", "swe-bench"], "swe-bench-4"),
        (vec!["grade", "--logs", "x.log", "--manifest", "x.log"], "manifest `x.log`, line 1"),
        (vec!["grade", "--logs", "x.log"], "`x.log` is an archive"),
        (vec!["parity", "--logs", "no"], "cannot read `no`"),
    ] {
        let ran = program.run(&arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn parity_counts_what_agrees_and_names_what_does_not() {
    let program = Program::new();
    let log = ">>>>> Applied Patch (pred)\nPASSED t.py::test_a\nFAILED t.py::test_b - x\n";
    for name in ["one.log", "two.log"] {
        fs::write(program.path(name), log).unwrap();
    }
    let record = |log: &str, resolved: bool| json!({ "log": log, "instance_id": "o__flask-1", "repo": "pallets/flask", "resolved": resolved, "dialect": "swe-gym" });
    write_lines(&program, "manifest.jsonl", &[record("one.log", true), record("two.log", false)]);
    let parsed = |log: &str, status: &str| json!({ "log": log, "found": true, "map": { "t.py::test_a": "PASSED", "t.py::test_b": status } });
    write_lines(&program, "parsed_by_swegym_fork.jsonl", &[parsed("one.log", "FAILED"), parsed("two.log", "PASSED")]);
    let row = json!({
        "instance_id": "o__flask-1", "repo": "pallets/flask", "base_commit": "c", "problem_statement": "s",
        "patch": "p", "test_patch": "t", "version": "1",
        "FAIL_TO_PASS": ["t.py::test_a"], "PASS_TO_PASS": [],
    });
    write_lines(&program, "rows.jsonl", &[row]);
    let ran = program.run(&["parity", "--logs", ".", "--dataset", "rows.jsonl"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    let group = |what: &str, equal: usize| json!({ "what": what, "dialect": "swe-gym", "repo": "pallets/flask", "logs": 2, "equal": equal });
    assert_eq!(figures["agreement"], json!([group("statuses", 1), group("applied", 2), group("verdict", 1)]));
    let expected = json!([
        { "what": "statuses", "dialect": "swe-gym", "log": "two.log", "test": "t.py::test_b", "ours": "FAILED", "official": "PASSED" },
        { "what": "verdict", "dialect": "swe-gym", "log": "two.log", "test": null, "ours": "resolved", "official": "unresolved" },
    ]);
    assert_eq!(figures["differences"], expected, "{ran:?}");
    assert!(ran.stderr.contains("two.log, `t.py::test_b`: ours FAILED, official PASSED"), "{ran:?}");
    for (check, code) in [("--check", 1), ("--check=0.5", 1)] {
        assert_eq!(program.run(&["parity", "--logs", ".", "--dataset", "rows.jsonl", check]).code, Some(code));
    }
    // Without verdicts, one of two status maps agrees.
    for (check, code) in [("--check=0.5", 0), ("--check=0.6", 1), ("--check", 1)] {
        assert_eq!(program.run(&["parity", "--logs", ".", check]).code, Some(code), "{check}");
    }
    write_lines(&program, "manifest.jsonl", &[record("one.log", true)]);
    assert_eq!(program.run(&["parity", "--logs", ".", "--dataset", "rows.jsonl", "--check"]).code, Some(0));
}
