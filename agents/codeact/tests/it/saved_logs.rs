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

/// A row of SWE-bench's shape, judged by one test of Flask.
fn row(fail_to_pass: Value) -> Value {
    json!({
        "instance_id": "o__flask-1", "repo": "pallets/flask", "base_commit": "c", "patch": "p", "test_patch": "t",
        "version": "1", "FAIL_TO_PASS": fail_to_pass, "PASS_TO_PASS": [],
    })
}

#[test]
fn a_log_is_graded_by_its_own_marks_and_what_does_not_fit_is_told() {
    let program = Program::new();
    write_lines(&program, "rows.jsonl", &[row(json!(["t.py::test_a"]))]);
    let older = "[x] Task Metadata:\n>>>>> Applied Patch (pred)\nPASSED t.py::test_a\n";
    let between = "+ : '>>>>> Start Test Output'\nPASSED t.py::test_a\n+ : '>>>>> End Test Output'\n";
    let coded = format!("{between}>>>>> Test Exit Code: 0\n");
    for (log, options, dialect, resolved, said) in [
        (older, vec![], "swe-gym", true, "read as swe-gym\nhint: `--dialect swe-bench-4`"),
        (older, vec!["--dialect", "swe-bench-4"], "swe-bench-4", false, "hint: `--dialect swe-gym`"),
        (between, vec![], "swe-bench-4", true, "1 resolved"),
        (between, vec!["--dialect", "swe-gym"], "swe-gym", false, "hint: `--dialect swe-bench-4`"),
        (&coded, vec![], "swe-bench-5", true, "read as swe-bench-5"),
    ] {
        fs::create_dir_all(program.path("logs")).unwrap();
        fs::write(program.path("logs/o__flask-1.log"), log).unwrap();
        let ran = program.run(&[&["grade", "--logs", "logs", "--dataset", "rows.jsonl"], &options[..]].concat());
        let line = &lines(&ran)[0];
        assert_eq!((&line["dialect"], &line["report"]["resolved"]), (&json!(dialect), &json!(resolved)), "{ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
        let ids = ["grade", "--log", "logs/o__flask-1.log", "--instance", "o__flask-1", "--dataset", "rows.jsonl"];
        let ran = program.run(&[&ids, &options[..]].concat());
        assert_eq!(ran.printed_report("o__flask-1")["resolved"], resolved, "{ran:?}");
        assert!(said == "1 resolved" || ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn what_is_not_read_and_what_asks_for_nothing_is_told() {
    let program = Program::new();
    write_lines(&program, "rows.jsonl", &[row(json!([]))]);
    fs::create_dir_all(program.path("logs")).unwrap();
    let log = b"Applied patch a.py cleanly.\nPASSED\nPASSED t.py::test_b\xff\n";
    for name in ["o__flask-1.log", "o__flask-2.log"] {
        fs::write(program.path(&format!("logs/{name}")), log).unwrap();
    }
    fs::write(program.path("logs/more.tar"), []).unwrap();
    write_lines(&program, "m.jsonl", &[json!({ "log": "o__flask-1.log", "instance_id": "o__flask-1" })]);
    let ran = program.run(&["grade", "--logs", "logs", "--manifest", "m.jsonl", "--dataset", "rows.jsonl"]);
    let line = &lines(&ran)[0];
    assert_eq!((ran.code, &line["report"]["resolved"]), (Some(0), &json!(true)), "{ran:?}");
    assert_eq!((&line["unread"]["lines"], &line["unread"]["invalid_bytes"]), (&json!(1), &json!(1)), "{ran:?}");
    for said in [
        "warning: 1 instance names no FAIL_TO_PASS test",
        "1 of them no test at all",
        "o__flask-1.log: 1 lines look like test results but are not, the first is line 2: `PASSED`",
        "o__flask-1.log: 1 places are not UTF-8",
        "no record names them: 2 (`o__flask-2.log` and so on)",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn parity_is_with_what_each_harness_would_have_read() {
    let program = Program::new();
    let between =
        "PASSED t.py::test_b\n+ : '>>>>> Start Test Output'\nPASSED t.py::test_a\n+ : '>>>>> End Test Output'\n";
    let logs = [
        ("four.log", between.to_owned(), true),
        ("coded.log", format!("{between}>>>>> Test Exit Code: 0\n"), true),
        // The exit code says that something failed of which the log does not tell.
        ("forged.log", format!("{between}>>>>> Test Exit Code: 1\n"), false),
    ];
    for (name, log, _) in &logs {
        fs::write(program.path(name), log).unwrap();
    }
    let record = |(name, _, resolved): &(&str, String, bool)| json!({ "log": name, "instance_id": "o__flask-1", "repo": "pallets/flask", "resolved": resolved });
    write_lines(&program, "manifest.jsonl", &logs.iter().map(record).collect::<Vec<_>>());
    write_lines(&program, "rows.jsonl", &[row(json!(["t.py::test_a"]))]);
    let parsed = |log: &str, found: bool| {
        let map = if found { json!({ "t.py::test_a": "PASSED" }) } else { json!({}) };
        json!({ "log": log, "found": found, "map": map })
    };
    write_lines(&program, "parsed_by_swebench_4.jsonl", &[parsed("four.log", true)]);
    write_lines(&program, "parsed_by_swebench_5.jsonl", &[parsed("coded.log", true), parsed("forged.log", false)]);
    let ran = program.run(&["parity", "--logs", ".", "--dataset", "rows.jsonl", "--check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    let group = |what: &str, dialect: &str, logs: usize| json!({ "what": what, "dialect": dialect, "repo": "pallets/flask", "logs": logs, "equal": logs });
    let expected = [("statuses", "swe-bench-4", 1), ("statuses", "swe-bench-5", 2), ("applied", "swe-bench-4", 1)];
    let more = [("applied", "swe-bench-5", 2), ("verdict", "swe-bench-4", 1), ("verdict", "swe-bench-5", 2)];
    let expected: Vec<Value> =
        expected.into_iter().chain(more).map(|(what, dialect, logs)| group(what, dialect, logs)).collect();
    assert_eq!(figures["agreement"], json!(expected), "{ran:?}");

    let tests = json!({ "FAIL_TO_PASS": { "success": [], "failure": ["t.py::test_a"] }, "PASS_TO_PASS": { "success": [], "failure": [] } });
    write_lines(&program, "official_tests_status.jsonl", &[json!({ "log": "four.log", "tests_status": tests })]);
    let ran = program.run(&["parity", "--logs", ".", "--dataset", "rows.jsonl", "--check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said =
        "four.log, `t.py::test_a`: ours resolved, in FAIL_TO_PASS success, official resolved, in FAIL_TO_PASS failure";
    assert!(ran.stderr.contains(said), "{ran:?}");
}

#[test]
fn a_comparison_that_says_nothing_is_an_error() {
    let program = Program::new();
    fs::write(program.path("o__flask-1.log"), "PASSED t.py::test_a\n").unwrap();
    let record = json!({ "log": "o__flask-1.log", "instance_id": "o__flask-1", "repo": "pallets/flask" });
    write_lines(&program, "manifest.jsonl", std::slice::from_ref(&record));
    let fails = |arguments: &[&str], code: i32, said: &str| {
        let ran = program.run(&[&["parity", "--logs", "."], arguments].concat());
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    };
    fails(&[], 2, "nothing was compared: no record has `resolved`");
    for share in ["2", "-0.1", "nan", "99%"] {
        fails(&[&format!("--check={share}")], 2, "--check");
    }
    let found = |log: &str| json!({ "log": log, "found": false, "map": { "t.py::test_a": "PASSED" } });
    let none = json!({ "success": [], "failure": [] });
    let tests = json!({ "FAIL_TO_PASS": none, "PASS_TO_PASS": none });
    for (name, line, said) in [
        ("parsed_by_swebench_3.jsonl", found("o__flask-1.log"), "`parsed_by_swebench_4`"),
        ("findings.jsonl", found("o__flask-1.log"), "its name says not which"),
        ("parsed_by_swegym.jsonl", found("another.log"), "none of its 1 logs, such as `another.log`"),
        ("official_tests_status.jsonl", json!({ "log": "x", "tests_status": tests }), "none of its 1 logs"),
    ] {
        write_lines(&program, name, &[line]);
        fails(&[], 2, said);
        fs::remove_file(program.path(name)).unwrap();
    }
    write_lines(&program, "parsed_by_swegym.jsonl", &[found("o__flask-1.log"), found("another.log")]);
    fails(&[], 0, "1 of its logs, such as `another.log`, are none of those compared");
    let gone = json!({ "log": "gone.log", "instance_id": "o__flask-1", "repo": "pallets/flask" });
    write_lines(&program, "manifest.jsonl", &[record, gone]);
    fails(&[], 1, "no such log: `gone.log`");
    let help = program.run(&["parity", "--help"]);
    assert!(help.stdout.contains("official_tests_status*.jsonl") && help.stdout.contains("tests_status"), "{help:?}");
}
