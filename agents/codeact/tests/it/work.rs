//! Several processes on the folder of one sweep, which share nothing else.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::program::Program;
use crate::sweep::{Model, answers, model_settings, ok, results, solution, write};

/// Returns the conversations that were asked again although their answer was kept.
pub(crate) fn asked_twice(model: &Model, kept: &BTreeSet<String>) -> Vec<String> {
    let (mut answered, mut twice) = (HashMap::new(), Vec::new());
    for (place, body) in model.asked.lock().unwrap().iter().enumerate() {
        let text = body["messages"].to_string();
        // Those that begin an episode look alike for all samples.
        if !text.contains("\"assistant\"") {
            continue;
        }
        let answer = format!("answer {}", place + 1);
        if let Some(earlier) = answered.insert(text, answer)
            && kept.contains(&earlier)
        {
            twice.push(earlier);
        }
    }
    twice
}

/// Has a sweep begun by a process that is killed at once.
fn begin(program: &Program, model: &Model, arguments: &[&str]) {
    let before = model.count();
    let mut first = program.start(arguments);
    while model.count() < before + 2 {
        assert!(first.try_wait().unwrap().is_none(), "it ended too soon");
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().unwrap();
    first.wait().unwrap();
}

fn work(program: &Program, index: usize, arguments: &[&str]) -> Child {
    // Nothing but the folder tells it what to do, whichever folder it is started in.
    let run = program.path(".runs/s").display().to_string();
    let mut command = program.command(&["work", &run]);
    command.args(arguments).current_dir("/").env("SLURM_ARRAY_TASK_ID", index.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Returns the exit code of a process and what it said.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Returns how often the journal says that episodes are asked for.
fn planned(program: &Program) -> usize {
    let files = fs::read_dir(program.path(".runs/s/journal")).unwrap().flatten();
    files.map(|file| fs::read_to_string(file.path()).unwrap().matches("\"planned\"").count()).sum()
}

#[test]
fn processes_share_a_sweep_though_some_are_killed_and_some_are_stopped() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let text = format!("{}instances: {{dataset: demo}}\nsamples: 5\nworkers: 2\n", model_settings(&url));
    let alone = Program::new();
    write(&alone, "s.yaml", &text);
    // A layer of the command counts for all.
    let arguments = ["sweep", "s.yaml", "-c", "limits.steps=50"];
    ok(&alone.run(&arguments));
    let needed = model.count();
    assert_eq!(needed, 15 * 4);
    model.asked.lock().unwrap().clear();

    let program = Program::new();
    write(&program, "s.yaml", &text);
    begin(&program, &model, &arguments);
    let plans = planned(&program);
    let mut workers: Vec<Child> = (0..3).map(|index| work(&program, index, &[])).collect();
    while model.count() < needed / 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (mut killed, stopped) = (workers.remove(0), workers.remove(0));
    killed.kill().unwrap();
    killed.wait().unwrap();
    signal(&stopped, "TERM");
    let (code, said) = end(stopped);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("interrupted by SIGTERM"), "{said}");
    workers.push(work(&program, 3, &["--workers", "4"]));
    for worker in workers {
        let (code, said) = end(worker);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(results(&program, "s"), results(&alone, "s"));
    let kept = answers(&program);
    assert_eq!(kept.len(), needed);
    assert_eq!(asked_twice(&model, &kept), Vec::<String>::new());
    // Three have ended before their time, each with at most two on their way and as many ahead.
    let lost = model.count() - needed;
    assert!(lost <= 3 * 4, "{lost} answers were paid for in vain");
    assert_eq!(planned(&program), plans, "only the command that began it says what is asked for");
    let summary = |program: &Program| {
        let text = fs::read_to_string(program.path(".runs/s/codeact/summary.4.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        (value["asked"].clone(), value["resolved"].clone(), value["unfinished"].clone())
    };
    assert_eq!(summary(&program), summary(&alone));
    let again = program.run(&arguments);
    ok(&again);
    assert!(again.stderr.contains("15 from before"), "{again:?}");
    ok(&program.run(&["clean"]));
    let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn infrastructure_is_tried_again_as_often_by_all_processes_as_by_one() {
    // Every answer is garbage.
    let model = Model { faults: [0, 0, 0, 100], ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let retries = "retries: {count: 2, wait: 0.1}\n";
    let settings = model_settings(&url).replace("max_elapsed: 30", "max_elapsed: 0.01");
    write(&program, "s.yaml", &format!("{settings}instances: {{dataset: demo}}\nsamples: 2\nworkers: 2\n{retries}"));
    begin(&program, &model, &["sweep", "s.yaml"]);
    let workers: Vec<Child> = (0..3).map(|index| work(&program, index, &[])).collect();
    for worker in workers {
        let (code, said) = end(worker);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("6 infrastructure"), "{said}");
    }
    let files = fs::read_dir(program.path(".runs/s/journal")).unwrap().flatten();
    let lines: Vec<String> = files.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    let ended = lines.iter().flat_map(|text| text.lines()).filter(|line| line.contains("\"ended\"")).count();
    assert_eq!(ended, 6 * 3);
}

#[test]
fn a_process_stops_before_its_time_is_over_and_another_goes_on() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let rest = "instances: {dataset: demo}\nsamples: 20\nworkers: 1\n";
    write(&program, "s.yaml", &format!("{}{rest}", model_settings(&url)));
    begin(&program, &model, &["sweep", "s.yaml"]);
    let begun = std::time::Instant::now();
    let (code, said) = end(work(&program, 0, &["--time", "3"]));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no time is left for another episode") || said.contains("the time limit was reached"),
        "{said}"
    );
    assert!(begun.elapsed() < Duration::from_secs(4), "{said}");
    let done = results(&program, "s").len();
    assert!((1..60).contains(&done), "{done}: {said}");
    let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.len() <= 1, "{left:?}");
}

#[test]
fn a_folder_that_cannot_be_worked_on_is_refused_with_the_reason() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let rest = "instances: {dataset: demo}\nsamples: 4\nworkers: 1\n";
    write(&program, "s.yaml", &format!("{}{rest}", model_settings(&url)));
    let check = |expected: &str| {
        let (code, said) = end(work(&program, 0, &[]));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    check("there is no run folder");
    begin(&program, &model, &["sweep", "s.yaml"]);
    let change = |name: &str, from: &str, to: &str| {
        let path = program.path(".runs/s").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    };
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    change("sweep.json", &version, "\"0.0.1\"");
    check("the sweep was started by spotter 0.0.1");
    change("sweep.json", "\"0.0.1\"", &version);
    change("sweep.yaml", "samples", "smples");
    check("did you mean `samples`?");
    change("sweep.yaml", "smples", "samples");
    change("sweep.yaml", "limits: {cost: null}", "limits: {cost: null, steps: 3}");
    check("holds a run with other settings: `limits.steps` was 100 and is 3");
}

#[test]
fn the_script_for_slurm_is_shown_before_anything_is_begun() {
    let program = Program::new();
    let engine = "engine: {pilots: 3, partition: long, time: 90}\n";
    let text = format!("{}instances: {{dataset: demo}}\nworkers: 7\n{engine}", model_settings("http://127.0.0.1:9/v1"));
    write(&program, "s.yaml", &text);
    let ran = program.run(&["sweep", "s.yaml", "--engine", "slurm", "--dry-run"]);
    ok(&ran);
    let run = program.folder.path().canonicalize().unwrap().join(".runs/s").display().to_string();
    let last = format!("work '{run}' --workers 7 --time 5370");
    for line in ["#SBATCH --array=0-2", "#SBATCH --partition=long", "#SBATCH --time=90", "#SBATCH --requeue", &last] {
        assert!(ran.stdout.contains(line), "{line}: {ran:?}");
    }
    assert!(!program.path(".runs").exists());
    let local = program.run(&["sweep", "s.yaml", "--dry-run"]);
    assert!(!local.stdout.contains("SBATCH"), "{local:?}");
}

#[test]
fn a_dry_run_of_a_sweep_that_was_begun_is_of_what_is_left() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let text = |rest: &str| format!("{}instances: {{dataset: demo}}\nworkers: 3\n{rest}", model_settings(&url));
    let shown = |rest: &str| {
        write(&program, "s.yaml", &text(rest));
        let ran = program.run(&["sweep", "s.yaml", "--dry-run"]);
        ok(&ran);
        ran.stdout
    };
    assert!(shown("").contains("1 cells, 3 episodes, 3 at once"));
    ok(&program.run(&["sweep", "s.yaml"]));
    let more = shown("samples: 3\n");
    assert!(more.contains("1 cells, 9 episodes, 6 of them left, 3 at once"), "{more}");
    // Six more episodes of four answers each.
    assert!(more.contains(&(6 * 4 * 2001).to_string()), "{more}");
    // One of the three is solved, and its other samples would be left.
    let stops = shown("samples: 3\nstop: {solved: 1}\n");
    assert!(stops.contains("9 episodes, 4 of them left"), "{stops}");
}
