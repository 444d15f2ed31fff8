//! Tests that are run on candidates, through the program: what they say, what they never see, and what a killed run leaves.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Program, Ran};

/// What a candidate does to `durations/parsing.py`, as the lines of a patch.
const HALF: &str = "-        seconds = int(number) * UNITS[unit]\n+        seconds += int(number) * UNITS[unit]\n";
const BROKEN: &str = "-        seconds = int(number) * UNITS[unit]\n+        seconds = int(number)\n";
const HANGING: &str = "-        seconds = int(number) * UNITS[unit]\n+        while True: pass\n";
const STRANGE: &str = "-        nothing of the kind\n+        pass\n";

const OWN: &str =
    "-        seconds = int(number) * UNITS[unit]\n+        seconds += int(number) * UNITS[unit]  # own\n";

/// Tests that an agent wrote into its patch: the first holds for whatever adds parts up, the second only for itself.
const TEST: &str = "import unittest
import durations.parsing as parsing
class T(unittest.TestCase):
    def test_parts(self):
        self.assertEqual(parsing.parse_duration('1h30m'), 5400)
    def test_own(self):
        self.assertIn('# own', open(parsing.__file__).read())
";

/// A script that an agent made on the way, which writes outside the repository and looks for what is kept back.
const SCRIPT: &str = "import subprocess, sys\nfrom durations import parse_duration\nopen('/tmp/PLACE', 'a').write('x')\n\
                      hidden = 'test_reads_what_' + 'format_writes'\n\
                      if subprocess.run(['grep', '-rqF', hidden, '.', '..'], stderr=subprocess.DEVNULL).returncode == 0:\n    \
                      open('/tmp/PLACE.seen', 'w').write('x')\n\
                      sys.exit(parse_duration('1h30m') != 5400)\n";

fn source(change: &str) -> String {
    let head = "diff --git a/durations/parsing.py b/durations/parsing.py\n--- a/durations/parsing.py\n+++ b/durations/parsing.py\n";
    format!("{head}@@ -28,2 +28,2 @@\n     for number, unit in parts:\n{change}")
}

fn new_file(path: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    let count = text.lines().count();
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    )
}

/// The program with a run of candidates of a demo instance, each a cell of its own, and the place that a script writes to.
fn program(candidates: &[(&str, String, Option<&str>)]) -> (Program, String) {
    let program = Program::new();
    // Sandboxes are made where the test can count them.
    let temporary = program.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let program = program.with("TMPDIR", temporary);
    let place = format!("outside-{}", program.free_run());
    let row = |(name, patch, script): &(&str, String, Option<&str>)| {
        let arguments = json!({
            "command": "create", "path": "/workspace/somewhere/repro.py",
            "file_text": script.unwrap_or("print(1)\n").replace("PLACE", &place),
        });
        let call = json!({"id": "1", "type": "function",
                          "function": {"name": "str_replace_editor", "arguments": arguments.to_string()}});
        let messages = json!([
            {"role": "user", "content": "solve"}, {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "ok"}, {"role": "assistant", "content": "done"},
        ]);
        let resolved = *name == "half";
        json!({"instance_id": "demo__durations-1", "run_id": name, "messages": messages, "patch": patch, "resolved": resolved})
    };
    let lines: String = candidates.iter().map(|one| format!("{}\n", row(one))).collect();
    fs::write(program.path("rows.jsonl"), lines).unwrap();
    let ran = program.run(&["import", "rows.jsonl", "--run", "given"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (program, place)
}

fn usual() -> Vec<(&'static str, String, Option<&'static str>)> {
    vec![
        ("broken", source(BROKEN), None),
        ("empty", String::new(), None),
        ("half", source(OWN) + &new_file("tests/test_agent.py", TEST), None),
        ("other", source(HALF), Some(SCRIPT)),
        ("strange", source(STRANGE), None),
        ("twin", source(HALF), None),
    ]
}

const VERIFY: [&str; 8] = ["verify", "given", "--by", "tests", "--workers", "2", "--tests-timeout", "60"];

/// Returns the lines of a file of the run, by cell.
fn lines(program: &Program, name: &str) -> Vec<(String, Value)> {
    let text = fs::read_to_string(program.path(&format!(".runs/given/{name}"))).unwrap();
    let values = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.map(|line| (line["cell"].as_str().unwrap().to_owned(), line)).collect()
}

fn score(program: &Program, name: &str, cell: &str) -> Option<f64> {
    let lines = lines(program, name);
    lines.iter().find(|(of, _)| of == cell).unwrap_or_else(|| panic!("{cell}: {lines:?}")).1["score"].as_f64()
}

fn kept(program: &Program) -> String {
    fs::read_to_string(program.path(".runs/trials/demo__durations-1.jsonl")).unwrap_or_default()
}

fn check_scores(program: &Program) {
    let of = |cell: &str| score(program, "scores.tests.jsonl", cell);
    assert_eq!((of("empty"), of("strange")), (None, Some(0.0)));
    assert!(of("half") > of("other") && of("other") > of("broken") && of("broken") > of("strange"));
    assert_eq!(of("other"), of("twin"));
    assert!(of("other") > Some(0.9), "{:?}", of("other"));
    let details = lines(program, "details.tests.jsonl");
    let half = &details.iter().find(|(cell, _)| cell == "half").unwrap().1;
    // Two tests of its own, of which one passes with no other candidate, and the script of another agent.
    assert_eq!(half["regression"], json!({"passed": 4, "total": 4}));
    assert_eq!(half["written"], json!({"passed": 3, "total": 3}), "{half}");
    let broken = &details.iter().find(|(cell, _)| cell == "broken").unwrap().1;
    assert!(
        broken["broken"].as_array().unwrap().iter().any(|test| test.as_str().unwrap().contains("test_blanks_around"))
    );
}

#[test]
fn candidates_are_rated_by_tests_without_the_hidden_ones_and_nothing_is_run_twice() {
    let (program, place) = program(&usual());
    let ran = program.run(&VERIFY);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    check_scores(&program);
    let outside = Path::new("/tmp").join(&place);
    assert!(outside.exists(), "the script has not been run");
    assert!(!Path::new("/tmp").join(format!("{place}.seen")).exists(), "the hidden tests are in the sandbox");
    let runs = fs::read(&outside).unwrap().len();
    fs::remove_file(&outside).unwrap();
    let text = kept(&program);
    for hidden in ["test_several_parts", "test_reads_what_format_writes", "test_rest_that_is_no_duration"] {
        assert!(text.contains("test_one_part") && !text.contains(hidden), "{hidden} was run");
    }
    // At the base commit, once for the two candidates that are the same, and for each of the others that apply.
    assert_eq!(runs, 4, "{text}");
    let again = program.run(&[&VERIFY[..], &["--by", "rank", "--by", "stored:tests"]].concat());
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(kept(&program) == text && !outside.exists(), "something was run twice: {again:?}");
    let place = |cell: &str| score(&program, "scores.rank.jsonl", cell);
    assert!(place("half") > place("broken") && place("empty").is_none(), "{again:?}");
    let file = program.path(".runs/given/scores.tests.jsonl");
    fs::copy(&file, program.path("mine.jsonl")).unwrap();
    let mine = program.run(&["best-of", "given", "--by", "file:mine.jsonl"]);
    assert_eq!(mine.code, Some(0), "{mine:?}");
    let picked = fs::read_to_string(program.path(".runs/given/best-of.mine/preds.jsonl")).unwrap();
    assert!(picked.contains("test_agent.py"), "{picked}");
}

#[test]
fn a_patch_that_hangs_costs_its_time_and_no_more() {
    let (program, _) = program(&[("hanging", source(HANGING), None), ("half", source(HALF), None)]);
    let ran = program.run(&["verify", "given", "--by", "tests", "--tests-timeout", "5"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let hanging = lines(&program, "details.tests.jsonl").into_iter().find(|(cell, _)| cell == "hanging").unwrap().1;
    assert_eq!((&hanging["failure"], &hanging["regression"]["passed"]), (&json!("tests_timed_out"), &json!(0)));
    assert!(score(&program, "scores.tests.jsonl", "half") > score(&program, "scores.tests.jsonl", "hanging"));
}

/// Starts the program and waits until so many results are kept.
fn begin(program: &Program, lines: usize) -> Child {
    let mut command: Command = program.command(&VERIFY);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let begun = Instant::now();
    while kept(program).lines().count() < lines {
        assert!(child.try_wait().unwrap().is_none() || kept(program).lines().count() >= lines, "it ended early");
        assert!(begun.elapsed() < Duration::from_secs(120), "it takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_run_that_is_killed_goes_on_and_ends_as_an_undisturbed_one() {
    let (program, place) = program(&usual());
    for lines in [1, 3, 5] {
        let mut child = begin(&program, lines);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Half a line, as a process leaves that is killed while it writes.
    let path = program.path(".runs/trials/demo__durations-1.jsonl");
    let before = kept(&program).lines().count();
    fs::write(&path, format!("{}{}", kept(&program), r#"{"key":"ab","outco"#)).unwrap();
    let ran = program.run(&VERIFY);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    check_scores(&program);
    let whole: Vec<String> = kept(&program)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["key"].as_str().map(str::to_owned))
        .collect();
    let mut distinct = whole.clone();
    distinct.sort();
    distinct.dedup();
    assert!(before >= 5 && whole.len() == distinct.len(), "a trial was made twice: {whole:?}");
    let _ = fs::remove_file(Path::new("/tmp").join(place));
}

#[test]
fn an_interrupt_ends_it_and_leaves_no_sandbox() {
    let (program, place) = program(&[("hanging", source(HANGING), None), ("half", source(HALF), Some(SCRIPT))]);
    let mut child = begin(&program, 3);
    let begun = Instant::now();
    while sandboxes(&program).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no sandbox is made");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(sandboxes(&program), Vec::<String>::new());
    let _ = fs::remove_file(Path::new("/tmp").join(place));
}

/// Returns the names of the sandboxes that are there.
fn sandboxes(program: &Program) -> Vec<String> {
    let entries = fs::read_dir(program.path("tmp")).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("spotter-")).collect()
}

#[test]
fn what_cannot_be_used_is_told() {
    let (program, _) = program(&usual());
    fs::write(program.path("bad.jsonl"), "{\"instance_id\": \"x\", \"score\": 1}\n{\"score\"\n").unwrap();
    fs::write(program.path("none.jsonl"), "{\"instance_id\": \"x\", \"score\": 1}\n").unwrap();
    for (arguments, expected) in [
        (vec!["--by", "file:bad.jsonl"], "`bad.jsonl`, line 2, is no score"),
        (vec!["--by", "file:none.jsonl"], "has no score of these episodes"),
        (vec!["--by", "stored:llm"], "`spotter verify --by llm` makes it"),
        (vec!["--by", "test"], "did you mean `tests`?"),
        (vec!["--by", "hybrid"], "`hybrid` needs the file of a mix"),
        (vec!["--by", "rank", "--base", "rank"], "cannot be the `--base` of `rank`"),
        (vec!["--by", "majority", "--out", "x"], "`--out` is for what `--train` or `--fit` makes"),
        (vec!["--by", "tests", "-d", "demo2"], "demo2"),
    ] {
        let ran: Ran = program.run(&[vec!["verify", "given"], arguments].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(expected), "{expected}: {ran:?}");
    }
}
