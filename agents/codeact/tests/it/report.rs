//! Reports on runs, and the state of one that is in progress.

use std::time::Duration;

use serde_json::{Value, json};

use crate::live::{Recorded, serve};
use crate::program::Program;

#[test]
fn two_runs_are_reported_and_compared_in_every_form() {
    let program = Program::new();
    let solved = program.run(&["solve", "demo__lru-1", "demo__tables-1", "--run", "recorded"]);
    assert_eq!(solved.code, Some(0), "{solved:?}");
    let judged = program.run(&["evaluate", "--dataset", "demo", "--predictions", "empty", "--run", "empty"]);
    assert_eq!(judged.code, Some(0), "{judged:?}");
    let ran = program.run(&["report", "recorded", "empty", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let figures = |row: usize| report["rows"][row]["figures"].clone();
    assert_eq!((&figures(0)["solved"], &figures(0)["asked"]), (&json!(2), &json!(2)), "{report}");
    for (row, cell) in [(0, "recorded/codeact"), (1, "empty/evaluate")] {
        let text = std::fs::read_to_string(program.path(&format!(".runs/{cell}/summary.json"))).unwrap();
        let summary: Value = serde_json::from_str(&text).unwrap();
        for key in ["asked", "judged", "solved", "infrastructure", "unfinished"] {
            assert_eq!(figures(row)[key], summary[key], "{key} of {cell}");
        }
    }
    assert!(figures(0)["turns"]["mean"].as_f64().unwrap() > 1.0, "{report}");
    assert_eq!(figures(0)["exit_statuses"], json!({ "submitted": 2 }));
    assert_eq!((&figures(1)["empty"]["share"], &figures(1)["turns"]), (&json!(1.0), &Value::Null), "{report}");
    let one = &report["comparisons"][0];
    let counts = ["pairs", "won", "lost", "asked_of_one", "p"].map(|key| one[key].clone());
    assert_eq!(counts, [json!(2), json!(0), json!(2), json!(1), json!(0.5)], "{report}");
    for (form, words) in [
        ("table", "empty/evaluate  recorded/codeact  2 "),
        ("markdown", "| empty/evaluate | recorded/codeact | 2 |"),
        ("csv", "\nempty,evaluate,-,3,3,0,3,"),
    ] {
        let ran = program.run(&["report", "recorded", ".runs/empty", "--format", form]);
        let words = words.replace("empty/", ".runs/empty/").replace("\nempty", "\n.runs/empty");
        assert!(ran.code == Some(0) && ran.stdout.replace("  ", " ").contains(&words.replace("  ", " ")), "{ran:?}");
    }
    let ran = program.run(&["report", "recorded", "--by", "repository"]);
    assert!(ran.stdout.contains("demo/lru") && ran.stdout.contains("demo/tables"), "{ran:?}");
}

#[test]
fn a_run_that_is_not_there_is_told_with_the_nearest() {
    let program = Program::new();
    for command in ["report", "status"] {
        let ran = program.run(&[command, "nightly"]);
        assert!(ran.code == Some(2) && ran.stderr.contains("hint: there are none in `.runs`"), "{ran:?}");
    }
    program.run(&["evaluate", "--dataset", "demo", "--predictions", "empty", "--run", "nightly"]);
    let ran = program.run(&["status", "nighly"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("hint: did you mean `nightly`?"), "{ran:?}");
    let ran = program.run(&["report", "nightly", "--cell", "nothing"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("there is no cell `nothing` in these runs"), "{ran:?}");
}

#[test]
fn a_run_that_goes_on_is_looked_at_from_another_process() {
    let recorded = Recorded::default();
    let (_runtime, url) = serve(&recorded, Duration::from_millis(500));
    let program = Program::new().with("OPENAI_BASE_URL", &url);
    let mut child = program.start(&["solve", "demo__lru-1", "--model", "gpt-4o", "--run", "live"]);
    while recorded.asked.lock().unwrap().len() < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let ran = program.run(&["status", "live", "--json"]);
    let status: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|err| panic!("{err}: {ran:?}"));
    let flight = &status["in_flight"][0];
    assert_eq!((&flight["process"], &flight["stage"]), (&json!(child.id()), &json!("solve")), "{status}");
    // Two answers of 1,100 tokens are in the record.
    assert!(flight["progress"]["tokens"].as_u64().unwrap() >= 2200, "{status}");
    assert!(status["spent"]["cost"].as_f64().unwrap() > 0.0, "{status}");
    assert_eq!((&status["cells"][0]["planned"], &status["cells"][0]["done"]), (&json!(1), &json!(0)));
    let watched = program.run(&["status", "live", "--watch", "1"]);
    assert!(watched.code == Some(0) && watched.stdout.contains("0 of 1 done"), "{watched:?}");
    assert!(watched.stdout.contains("1 of 1 done"), "{watched:?}");
    assert!(child.wait().unwrap().success());
}
