//! Sweeps that processes work on which an engine has started, each engine for real or by a stand-in for its command.

mod hyperqueue;
mod ray;
mod slurm;

use std::fs;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Program;
use crate::sweep::{Model, answers, model_settings, ok, results, solution, write};
use crate::work::asked_twice;

const PATIENCE: Duration = Duration::from_secs(120);

fn ok_status(status: std::io::Result<std::process::ExitStatus>) {
    assert!(status.unwrap().success());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "is what the test needs there? not so: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A process that works on the sweep.
#[derive(Debug, Clone)]
struct Pilot {
    process: u32,
    parent: u32,
    /// The node, where the engine tells.
    node: String,
    /// Its number among the processes.
    task: String,
}

/// Returns the processes that work on the run of a program.
fn pilots(program: &Program) -> Vec<Pilot> {
    let Ok(run) = program.path(".runs/s").canonicalize() else { return Vec::new() };
    let run = run.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if !line.contains(&format!("work {run}")) || line.contains("slurm") {
            continue;
        }
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let variable = |name: &str| environment.split('\0').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let task = ["SLURM_ARRAY_TASK_ID", "HQ_TASK_ID", "SPOTTER_INDEX"].into_iter().find_map(variable);
        if let Some(task) = task {
            let node = variable("SLURMD_NODENAME").unwrap_or_default().to_owned();
            found.push(Pilot { process, parent, node, task: task.to_owned() });
        }
    }
    found
}

fn kill(process: u32) {
    ok_status(Command::new("kill").args(["-KILL", &process.to_string()]).status());
}

/// Sends a signal to the command and returns what it said until it ended.
fn interrupted(command: Child, signal: &str) -> String {
    ok_status(Command::new("kill").args(["-s", signal, &command.id().to_string()]).status());
    let output = command.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// Returns what is kept of the job of an engine.
fn job(program: &Program, engine: &str) -> Value {
    let path = program.path(&format!(".runs/s/engine/{engine}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the rows of a report without what depends on the clock.
fn report(program: &Program) -> Value {
    fn without_times(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.contains("seconds"));
                fields.values_mut().for_each(without_times);
            }
            Value::Array(values) => values.iter_mut().for_each(without_times),
            _ => {}
        }
    }
    let ran = program.run(&["report", "s", "--format", "json"]);
    ok(&ran);
    let mut value: Value = serde_json::from_str(&ran.stdout).unwrap();
    without_times(&mut value);
    value
}

fn slow_model() -> Model {
    Model { patch: Arc::new(Mutex::new(solution())), slower: Duration::from_millis(300), ..Model::default() }
}

/// A sweep, as it ends on one machine with nothing to disturb it.
struct Undisturbed {
    episodes: usize,
    model: Model,
    _runtime: tokio::runtime::Runtime,
    text: String,
    alone: Program,
    begun: Mutex<Instant>,
}

impl Undisturbed {
    /// Returns one of so many samples of each of the three demo instances.
    fn new(samples: usize, engine: &str) -> Self {
        let model = slow_model();
        let (runtime, url) = model.serve();
        let whole = format!("instances: {{dataset: demo}}\nsamples: {samples}\nworkers: 2\n{engine}");
        let text = model_settings(&url) + &whole;
        let alone = Program::new();
        write(&alone, "s.yaml", &text);
        ok(&alone.run(&["sweep", "s.yaml", "--engine", "local", "--workers", "12"]));
        let episodes = 3 * samples;
        assert_eq!(model.count(), episodes * 4);
        model.asked.lock().unwrap().clear();
        Self { episodes, model, _runtime: runtime, text, alone, begun: Mutex::new(Instant::now()) }
    }

    /// Returns how many answers the episodes need in all.
    fn needed(&self) -> usize {
        self.episodes * 4
    }

    /// Begins the sweep on the engine.
    fn start(&self, program: &Program) -> Child {
        write(program, "s.yaml", &self.text);
        *self.begun.lock().unwrap() = Instant::now();
        program.start(&["sweep", "s.yaml"])
    }

    /// Waits until one in so many of the answers is asked for.
    fn wait_for(&self, part: usize, what: &str) {
        wait_until(what, || self.model.count() >= self.needed() / part);
    }

    /// Checks that the sweep ends with all results, that nothing is done twice, and that its report is that of one
    /// machine.
    fn check(&self, program: &Program, coordinator: Child, lost: &str) -> String {
        let output = coordinator.wait_with_output().unwrap();
        let took = self.begun.lock().unwrap().elapsed();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let (found, kept) = (results(program, "s"), answers(program));
        assert_eq!(found.len(), self.episodes, "{said}");
        assert_eq!(found, results(&self.alone, "s"));
        assert_eq!(asked_twice(&self.model, &kept), Vec::<String>::new());
        assert_eq!(kept.len(), self.needed());
        assert_eq!(report(program), report(&self.alone));
        wait_until("no process is at it", || pilots(program).is_empty());
        let (asked, needed, episodes) = (self.model.count(), self.needed(), self.episodes);
        eprintln!("{said}");
        let vain = asked - needed;
        eprintln!("{episodes} results in {took:.1?}; {asked} requests for {needed} answers, {vain} lost with {lost}");
        said
    }
}

/// Checks that a command finds the processes of a killed one again, that an interrupted one has them finish what is
/// under way, and that one that is told to end ends them. Three processes are at the sweep at once.
fn interrupt(program: &Program, engine: &str) {
    let model = slow_model();
    let (_runtime, url) = model.serve();
    let text = format!("{}instances: {{dataset: demo}}\nsamples: 12\nworkers: 1\n{engine}", model_settings(&url));
    write(program, "s.yaml", &text);
    let mut killed = program.start(&["sweep", "s.yaml"]);
    wait_until("all processes are at it", || pilots(program).len() == 3);
    // They may begin before the command that started them knows their job.
    wait_until("the job is noted", || {
        let noted = fs::read_dir(program.path(".runs/s/engine")).into_iter().flatten().flatten();
        noted.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|extension| extension == "json"))
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    let again = program.start(&["sweep", "s.yaml"]);
    wait_until("the processes are in the middle of it", || model.count() >= 8);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pilots(program).len(), 3);
    let said = interrupted(again, "INT");
    assert!(
        said.contains("of an earlier command still works on it") && said.contains("no new work is started"),
        "{said}"
    );
    wait_until("no process is at it", || pilots(program).is_empty());
    let drained = results(program, "s").len();
    assert!((1..36).contains(&drained), "{drained}: {said}");
    // What was under way was finished: no answer was asked for in vain.
    assert_eq!(model.count(), answers(program).len());
    let again = program.start(&["sweep", "s.yaml"]);
    wait_until("all processes are at it again", || pilots(program).len() == 3);
    let said = interrupted(again, "TERM");
    assert!(said.contains("was cancelled"), "{said}");
    wait_until("no process is at it", || pilots(program).is_empty());
    ok(&program.run(&["sweep", "s.yaml", "--engine", "local", "--workers", "8"]));
    assert_eq!(results(program, "s").len(), 36);
    assert_eq!(asked_twice(&model, &answers(program)), Vec::<String>::new());
}
