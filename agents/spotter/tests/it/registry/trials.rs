//! Tests that are run on candidates of a real instance, in containers.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::containers;
use crate::cases::{self, layers};
use crate::program::Program;

const ID: &str = "pallets__flask-5014";

/// A test of the issue in an agent's own words.
const TEST: &str = "diff --git a/tests/test_own.py b/tests/test_own.py\nnew file mode 100644\n--- /dev/null\n+++ b/tests/test_own.py\n\
                    @@ -0,0 +1,7 @@\n+import flask\n+import pytest\n+\n+\n+def test_empty_name():\n+    with pytest.raises(ValueError):\n\
                    +        flask.Blueprint(\"\", __name__)\n";

/// A change that breaks tests of the repository.
const BROKEN: &str = "diff --git a/src/flask/blueprints.py b/src/flask/blueprints.py\n--- a/src/flask/blueprints.py\n\
                      +++ b/src/flask/blueprints.py\n@@ -3 +3,2 @@\n+raise ImportError('broken')\n import os\n";

fn rows(gold: &str) -> String {
    let other = gold.replace("'name' may not be empty.", "there is no name");
    let row = |(name, patch): (&str, String)| {
        let resolved = matches!(name, "gold" | "other");
        format!("{}\n", json!({"instance_id": ID, "run": 1, "source": name, "patch": patch, "resolved": resolved}))
    };
    let nothing =
        "diff --git a/NOTES b/NOTES\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES\n@@ -0,0 +1 @@\n+x\n".to_owned();
    let candidates =
        [("broken", BROKEN.to_owned()), ("nothing", nothing), ("other", other + TEST), ("gold", gold.to_owned())];
    candidates.map(row).concat()
}

/// Returns what tests showed of each candidate, by its patch's maker.
fn scores(program: &Program, run: &str) -> Vec<(String, Value)> {
    let text = fs::read_to_string(program.path(&format!(".runs/{run}/details.tests.jsonl"))).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["cell"].as_str().unwrap().to_owned(), line)).collect()
}

#[test]
#[ignore = "needs registry images"]
fn candidates_are_tested_in_containers_that_neither_a_kill_nor_an_interrupt_leaves_behind() {
    let program = cases::program_of_registry();
    let cases = cases::of_registry();
    let case = cases.iter().map(|(_, case)| case).find(|case| case.id == ID);
    let case = case.unwrap_or_else(|| panic!("needs registry images: {ID} is not among them"));
    fs::write(program.path("rows.jsonl"), rows(&case.patch)).unwrap();
    let run = program.free_run();
    let imported = program.run(&["import", "rows.jsonl", "--run", &run]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let mut arguments: Vec<String> = ["verify", &run, "--by", "tests", "--workers", "2"].map(str::to_owned).to_vec();
    arguments.extend(layers("swe-bench").into_iter().flat_map(|layer| ["-c".to_owned(), layer]));
    let kept = || fs::read_to_string(program.path(&format!(".runs/trials/{ID}.jsonl"))).unwrap_or_default();
    for (lines, signal) in [(2, rustix::process::Signal::KILL), (4, rustix::process::Signal::INT)] {
        let mut child = program.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while kept().lines().count() < lines {
            assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(600), "{}", kept());
            std::thread::sleep(Duration::from_millis(20));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        if signal == rustix::process::Signal::INT {
            // The engine takes a moment to remove what has ended.
            let begun = Instant::now();
            while !containers(&run).is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(30), "an interrupt leaves containers");
                std::thread::sleep(Duration::from_millis(100));
            }
        } else {
            let clean = program.run(&["clean"]);
            assert_eq!((clean.code, containers(&run)), (Some(0), Vec::new()), "{clean:?}");
        }
    }
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(containers(&run), Vec::<String>::new());
    let scores = scores(&program, &run);
    let score = |cell: &str| {
        let found = scores.iter().find(|(of, _)| of.contains(cell));
        found.unwrap_or_else(|| panic!("{cell}: {scores:?}")).1["score"].as_f64().unwrap()
    };
    assert!(score("gold") > score("nothing") && score("other") > score("nothing"), "{scores:?}");
    assert!(score("nothing") > score("broken"), "{scores:?}");
    // The tests that the row keeps back are in nothing that was run.
    assert!(!kept().contains("test_empty_name_not_allowed") && kept().contains("tests/test_own.py::test_empty_name"));
}
