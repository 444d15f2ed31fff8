//! The whole loop on the demo's recorded episodes: sample, keep what was solved, train, evaluate, twice.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Program;

/// Two times round, with a command in place of training that keeps what it was given.
const LOOP: &str = r#"
name: loop
iterations: 2
sample: smoke
evaluate: smoke
config: [limits.steps=40]
train: |
  rm -rf "given-$SPOTTER_ITERATION"
  cp -r "$SPOTTER_TRAINING_DATA" "given-$SPOTTER_ITERATION"
  echo "$SPOTTER_ITERATION" >>trained
  echo 'limits: {steps: 41}' >"$SPOTTER_MODEL"
"#;

/// All stages, in their order.
const STAGES: [&str; 9] =
    ["evaluate 0", "sample 1", "export 1", "train 1", "evaluate 1", "sample 2", "export 2", "train 2", "evaluate 2"];

fn program() -> Program {
    let program = Program::new();
    fs::write(program.path("loop.yaml"), LOOP).unwrap();
    program
}

/// Returns the names of the stages that are done.
fn done(program: &Program) -> Vec<String> {
    let Ok(text) = fs::read_to_string(program.path(".runs/loop/improve.json")) else { return Vec::new() };
    let state: Value = serde_json::from_str(&text).unwrap();
    let stages = state["done"].as_array().unwrap();
    stages.iter().map(|done| done["stage"].as_str().unwrap().to_owned()).collect()
}

/// Returns the rows of data that an iteration was given.
fn given(program: &Program, iteration: usize) -> Vec<String> {
    let folder = program.path(&format!("given-{iteration}"));
    let is_data = |path: &Path| path.extension().is_some_and(|extension| extension == "jsonl");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| is_data(path));
    files.sort();
    files
        .iter()
        .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Returns what the final table says but for the words that differ from run to run.
fn table(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().skip_while(|line| !line.starts_with("stage "));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_loop_that_is_killed_at_each_stages_end_ends_as_an_undisturbed_one() {
    let whole = program();
    let ran = whole.run(&["improve", "loop.yaml"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(done(&whole), STAGES);
    let rows = table(&ran.stdout);
    assert_eq!(rows.len(), 6, "{}", ran.stdout);
    assert!(rows[1..].iter().all(|row| row.contains(" 3 3 100.0% ")), "{rows:?}");
    assert!(!given(&whole, 1).is_empty());

    let broken = program();
    for ended in 1..=STAGES.len() {
        let mut child =
            broken.command(&["improve", "loop.yaml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while done(&broken).len() < ended {
            assert!(
                child.try_wait().unwrap().is_none() || done(&broken).len() >= ended,
                "it ended before stage {ended}"
            );
            assert!(begun.elapsed() < Duration::from_secs(120), "stage {ended} takes too long");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = broken.run(&["improve", "loop.yaml"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(done(&broken), STAGES);
    assert_eq!(table(&ran.stdout), rows);
    // The command of a stage that was killed right at its beginning may have been given twice, but never out of turn.
    let trained = fs::read_to_string(broken.path("trained")).unwrap();
    let mut trained: Vec<&str> = trained.lines().collect();
    trained.dedup();
    assert_eq!(trained, ["1", "2"]);
    for iteration in [1, 2] {
        assert_eq!(given(&broken, iteration).len(), given(&whole, iteration).len(), "iteration {iteration}");
    }
}

#[test]
fn what_is_changed_is_done_again_with_all_behind_it_and_a_hook_that_fails_is_told() {
    let program = program();
    let failing = LOOP.replace("  echo 'limits", "  exit 3\n  echo 'limits").replace("iterations: 2", "iterations: 1");
    fs::write(program.path("loop.yaml"), &failing).unwrap();
    let ran = program.run(&["improve", "loop.yaml"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("train 1: ") && ran.stderr.contains("exit status: 3"), "{}", ran.stderr);
    assert_eq!(done(&program), STAGES[..3]);
    let silent = failing.replace("exit 3", "exit 0");
    fs::write(program.path("loop.yaml"), &silent).unwrap();
    let ran = program.run(&["improve", "loop.yaml"]);
    assert!(ran.stderr.contains("has written no `$SPOTTER_MODEL`"), "{}", ran.stderr);
    fs::write(program.path("loop.yaml"), silent.replace("  exit 0\n", "")).unwrap();
    let ran = program.run(&["improve", "loop.yaml"]);
    assert_eq!((ran.code, done(&program)), (Some(0), STAGES[..5].iter().map(|stage| (*stage).to_owned()).collect()));
    // Another sweep to sample from makes all that is on it anew.
    let text = fs::read_to_string(program.path("loop.yaml")).unwrap();
    fs::write(program.path("loop.yaml"), text.replace("config: [", "export: [--seed, 7]\nconfig: [")).unwrap();
    let ran = program.run(&["improve", "loop.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("export 1 was made of something else than export 1 is now"), "{}", ran.stderr);
    assert_eq!(done(&program).len(), 5);
    // What is on another model is another run.
    assert!(program.path(".runs/loop-evaluate-1.before-1").is_dir() && program.path(".runs/loop-evaluate-1").is_dir());
    assert!(!program.path(".runs/loop-sample-1.before-1").exists());
}

#[test]
fn a_hook_that_was_interrupted_is_finished_and_counts_and_an_empty_model_is_the_one_before() {
    let program = program();
    let text = LOOP.replace("  echo 'limits: {steps: 41}' >", "  touch begun\n  sleep 2\n  : >");
    let text = text.replace("iterations: 2", "iterations: 1\nstart: {limits: {steps: 42}}");
    fs::write(program.path("loop.yaml"), text.replace("config: [limits.steps=40]\n", "")).unwrap();
    let mut child =
        program.command(&["improve", "loop.yaml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !program.path("begun").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not get as far as to train");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(done(&program), STAGES[..4]);
    let ran = program.run(&["improve", "loop.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(program.path("trained")).unwrap(), "1\n");
    let config = fs::read_to_string(program.path(".runs/loop-evaluate-1/codeact/config.yaml")).unwrap();
    assert!(config.contains("steps: 42"), "{config}");
}

#[test]
fn one_process_at_a_time_goes_through_a_loop() {
    let program = program();
    let waiting = LOOP.replace("train: |\n", "train: |\n  while [ ! -e go ]; do sleep 0.01; done\n");
    fs::write(program.path("loop.yaml"), waiting.replace("iterations: 2", "iterations: 1")).unwrap();
    let mut first =
        program.command(&["improve", "loop.yaml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while done(&program).len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not get as far as to train");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = program.run(&["improve", "loop.yaml"]);
    assert!(second.code == Some(2) && second.stderr.contains("another process is at"), "{}", second.stderr);
    fs::write(program.path("go"), "").unwrap();
    assert!(first.wait().unwrap().success());
    assert_eq!(done(&program).len(), 5);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_run() {
    let program = program();
    for (from, to, expected) in [
        ("sample: smoke", "smaple: smoke", "loop.yaml:4:1: unknown key `smaple`\nhint: did you mean `sample`?"),
        ("config: [", "export: [--colour, blue]\nconfig: [", "unexpected argument '--colour'"),
    ] {
        fs::write(program.path("loop.yaml"), LOOP.replace(from, to)).unwrap();
        let ran = program.run(&["improve", "loop.yaml"]);
        assert!(ran.code == Some(2) && ran.stderr.contains(expected), "{:?} {}", ran.code, ran.stderr);
    }
    fs::write(program.path("loop.yaml"), LOOP).unwrap();
    let ran = program.run(&["improve", "loop.yaml", "--dry-run"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), STAGES.len()), "{}", ran.stderr);
    assert!(!program.path(".runs").exists());
}
