//! Sweeps on the demo instances, with a model on loopback that counts what it is asked.
//!
//! `SPOTTER_LONG=1` kills a sweep of 60 episodes 100 times instead of one of 12 episodes 6 times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::{Record, Trajectory};
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use crate::live::serve_with;
use crate::program::{Program, Ran};

/// Answers by the number of answers in the conversation, each with a text of its own, and keeps these.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) asked: Arc<Mutex<Vec<Value>>>,
    /// A patch that solves one of the instances, which the second call applies.
    pub(crate) patch: Arc<Mutex<String>>,
    /// Of 100 requests, so many fail: too many requests, server errors, no answer for long, garbage.
    pub(crate) faults: [u64; 4],
    /// How much longer it takes than it has to.
    pub(crate) slower: Duration,
}

impl Respond for Model {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(body.clone());
            asked.len()
        };
        if let Some(fault) = self.fault(count) {
            return fault;
        }
        let messages = body["messages"].as_array().unwrap();
        let number = messages.iter().filter(|message| message["role"] == "assistant").count();
        let patch = self.patch.lock().unwrap().clone();
        let command = match number {
            0 => "ls".to_owned(),
            1 => format!("git apply <<'EOF'\n{patch}EOF\n"),
            2 => "echo \"# $((1 + 1))\" >> README.md; git status --short".to_owned(),
            _ => String::new(),
        };
        let function = match command.is_empty() {
            false => json!({ "name": "bash", "arguments": json!({ "command": command }).to_string() }),
            true => json!({ "name": "finish", "arguments": "{}" }),
        };
        let call = json!({ "id": format!("c{number}"), "type": "function", "function": function });
        let message = json!({ "role": "assistant", "content": format!("answer {count}"), "tool_calls": [call] });
        let usage = json!({ "prompt_tokens": 2000, "completion_tokens": 1, "total_tokens": 2001 });
        let body =
            json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }], "usage": usage });
        ResponseTemplate::new(200).set_body_json(body).set_delay(Duration::from_millis(30) + self.slower)
    }
}

impl Model {
    fn fault(&self, count: usize) -> Option<ResponseTemplate> {
        let mut lot = (count as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        lot %= 100;
        let which = self.faults.iter().position(|share| {
            let hit = lot < *share;
            lot = lot.wrapping_sub(*share);
            hit
        })?;
        Some(match which {
            0 => ResponseTemplate::new(429).insert_header("retry-after", "1"),
            1 => ResponseTemplate::new(500),
            2 => ResponseTemplate::new(200).set_delay(Duration::from_secs(60)),
            _ => ResponseTemplate::new(200).set_body_string("<html>not json</html>"),
        })
    }

    /// Starts a server in a runtime of its own that lives as long as the test.
    pub(crate) fn serve(&self) -> (tokio::runtime::Runtime, String) {
        serve_with(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// Writes a sweep file.
pub(crate) fn write(program: &Program, name: &str, text: &str) {
    fs::write(program.path(name), text).unwrap();
}

/// Returns what came of each episode of a run, by cell, instance and sample.
pub(crate) fn results(program: &Program, run: &str) -> BTreeMap<String, String> {
    let folder = program.path(".runs").join(run);
    let mut found = BTreeMap::new();
    for path in program.found("ended.json").into_iter().filter(|path| path.starts_with(&folder)) {
        let ended: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let dir = path.parent().unwrap();
        let judged = fs::read_to_string(dir.join("judged.json")).unwrap_or_else(|_| "null".to_owned());
        let judged: Value = serde_json::from_str(&judged).unwrap();
        let patch = fs::read_to_string(dir.join("patch.diff")).unwrap_or_default();
        let name = dir.strip_prefix(&folder).unwrap().display().to_string();
        let shown = format!("{} {} {}", ended["exit_status"], judged["resolved"], patch.len());
        found.insert(name, shown);
    }
    found
}

/// Returns the answers that are in the trajectories of a run.
pub(crate) fn answers(program: &Program) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["trajectory.jsonl", "trajectory.resumed.jsonl"] {
        for path in program.found(name) {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for record in Trajectory::parse(&text).unwrap().records {
                if let Record::Completion { completion, .. } = record {
                    found.insert(completion.message.content);
                }
            }
        }
    }
    found
}

/// Returns a patch that solves `demo__lru-1`.
pub(crate) fn solution() -> String {
    let program = Program::new();
    let ran = program.run(&["solve", "demo__lru-1", "-c", "evaluate=false"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    fs::read_to_string(&program.found("patch.diff")[0]).unwrap()
}

pub(crate) fn model_settings(url: &str) -> String {
    format!(
        "base:\n  model: {{name: scripted, base_url: '{url}', timeout: 5, retry: {{base: 0.05, max_elapsed: 30}}}}\n  limits: {{cost: null}}\n"
    )
}

pub(crate) fn ok(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_smoke_sweep_solves_all_and_is_done_once() {
    let program = Program::new();
    let ran = program.run(&["sweep", "smoke"]);
    ok(&ran);
    assert!(ran.stderr.contains("3 solved"), "{ran:?}");
    let first = results(&program, "smoke");
    assert_eq!(first.len(), 3);
    assert!(first.values().all(|shown| shown.starts_with("\"submitted\" true")), "{first:?}");
    let again = program.run(&["sweep", "smoke"]);
    ok(&again);
    assert!(again.stderr.contains("3 from before"), "{again:?}");
    assert_eq!(results(&program, "smoke"), first);
}

#[test]
fn cells_and_samples_have_their_own_settings_and_a_changed_file_touches_no_other() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let text = |matrix: &str, samples: &str| {
        format!(
            "{}  evaluate: true\nmatrix: {{model.temperature: {matrix}}}\n\
             instances: {{dataset: demo, filter: 'lru|tables'}}\nsamples: {{count: {samples}, overrides: {{0: {{model.temperature: 0}}}}}}\nworkers: 4\n",
            model_settings(&url)
        )
    };
    write(&program, "s.yaml", &text("[0.3, 0.5]", "2"));
    let ran = program.run(&["sweep", "s.yaml"]);
    ok(&ran);
    let first = results(&program, "s");
    assert_eq!(first.len(), 8, "{first:?}");
    let solved: Vec<&String> = first.iter().filter(|(_, shown)| shown.contains("true")).map(|(name, _)| name).collect();
    assert_eq!(solved.len(), 4, "{first:?}");
    assert!(solved.iter().all(|name| name.contains("demo__lru-1")), "{first:?}");
    let temperatures = || -> Vec<String> {
        let asked = model.asked.lock().unwrap();
        let mut found: Vec<String> = asked.iter().map(|body| body["temperature"].to_string()).collect();
        found.sort();
        found
    };
    let count = |temperature: &str| temperatures().iter().filter(|one| *one == temperature).count();
    // 4 answers an episode: 4 episodes are first samples.
    assert_eq!((count("0.0"), count("0.3"), count("0.5")), (16, 8, 8));
    for name in ["preds.jsonl", "preds.1.jsonl", "report.1.json", "summary.1.json", "config.0.yaml"] {
        let there = program.path(".runs/s/codeact+temperature=0.3").join(name).exists();
        assert!(there, "{name}");
    }
    // One value goes and one comes, and there is one sample more: only what is new is asked for.
    write(&program, "s.yaml", &text("[0.5, 0.7]", "3"));
    let before = model.count();
    let ran = program.run(&["sweep", "s.yaml"]);
    ok(&ran);
    assert!(ran.stderr.contains("4 from before"), "{ran:?}");
    assert_eq!(model.count() - before, (2 + 2 * 3) * 4);
    let second = results(&program, "s");
    assert!(first.iter().all(|(name, shown)| second.get(name) == Some(shown)), "{first:?} {second:?}");
    // A cell is never made of two settings.
    write(&program, "s.yaml", &text("[0.5, 0.7]", "3").replace("evaluate: true", "limits: {steps: 7}"));
    let text = fs::read_to_string(program.path("s.yaml")).unwrap().replacen("  limits: {cost: null}\n", "", 1);
    write(&program, "s.yaml", &text);
    let ran = program.run(&["sweep", "s.yaml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("holds a run with other settings: `limits.steps` was 100 and is 7"), "{ran:?}");
}

#[test]
fn an_instance_is_left_once_it_is_solved_and_a_budget_ends_a_sweep() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let rest = "instances: {dataset: demo, filter: 'lru|tables'}\nsamples: 4\nworkers: 1\n";
    write(&program, "stop.yaml", &format!("{}{rest}stop: {{solved: 2}}\n", model_settings(&url)));
    let ran = program.run(&["sweep", "stop.yaml"]);
    ok(&ran);
    // The next one may be under way before the second one is judged.
    let left = ["2 solved, 4 unsolved, 2 left", "3 solved, 4 unsolved, 1 left"];
    assert!(left.iter().any(|left| ran.stderr.contains(left)), "{ran:?}");
    let summary = fs::read_to_string(program.path(".runs/stop/codeact/summary.3.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["asked"], &summary["unfinished"]), (&json!(1), &json!(0)), "{summary}");
    // 8,004 tokens are an episode.
    write(&program, "budget.yaml", &format!("{}{rest}budget: {{tokens: 36000}}\n", model_settings(&url)));
    let ran = program.run(&["sweep", "budget.yaml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the budget"), "{ran:?}");
    let ended = || results(&program, "budget").values().filter(|shown| shown.contains("submitted")).count();
    let done = ended();
    assert!((3..=5).contains(&done), "{done}: {ran:?}");
    let again = program.run(&["sweep", "budget.yaml"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(ended(), done, "{again:?}");
}

#[test]
fn killed_at_any_instant_the_same_command_ends_as_an_undisturbed_one() {
    let is_long = std::env::var_os("SPOTTER_LONG").is_some_and(|value| value == "1");
    let (samples, kills) = if is_long { (20, 100) } else { (4, 6) };
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let text =
        format!("{}instances: {{dataset: demo}}\nsamples: {samples}\nworkers: 4\nname: killed\n", model_settings(&url));
    let undisturbed = Program::new();
    write(&undisturbed, "s.yaml", &text);
    let begun = std::time::Instant::now();
    ok(&undisturbed.run(&["sweep", "s.yaml"]));
    let took = begun.elapsed();
    let needed = model.count();
    assert_eq!(needed, 3 * samples * 4);
    let program = Program::new();
    write(&program, "s.yaml", &text);
    let mut kept = BTreeSet::new();
    let mut dice = fastrand::Rng::with_seed(12);
    for _ in 0..kills {
        let mut child = program.start(&["sweep", "s.yaml"]);
        std::thread::sleep(took.mul_f64(0.1 + 0.4 * dice.f64()));
        child.kill().unwrap();
        child.wait().unwrap();
        let there = answers(&program);
        assert!(kept.is_subset(&there), "answers are lost: {:?}", kept.difference(&there));
        kept = there;
    }
    let ran = program.run(&["sweep", "s.yaml"]);
    ok(&ran);
    assert_eq!(results(&program, "killed"), results(&undisturbed, "killed"));
    let there = answers(&program);
    assert!(kept.is_subset(&there) && there.len() == needed, "{} of {needed}", there.len());
    // A kill loses no more than the answers that were on their way, one for each that is under way or begins.
    let lost = model.count() - needed - needed;
    assert!(lost <= kills * 4, "{lost} answers were paid for in vain");
    // An empty folder without a name of its owner may have just been made.
    std::thread::sleep(Duration::from_secs(6));
    ok(&program.run(&["clean"]));
    let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_faulty_model_costs_no_episode() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), faults: [10, 5, 2, 1], ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let rest = "instances: {dataset: demo}\nsamples: 5\nworkers: 8\nretries: {count: 5, wait: 0.2}\n";
    write(&program, "s.yaml", &format!("{}{rest}", model_settings(&url)));
    let ran = program.run(&["sweep", "s.yaml"]);
    ok(&ran);
    let found = results(&program, "s");
    assert_eq!(found.len(), 15, "{ran:?}");
    let solved = found.values().filter(|shown| shown.starts_with("\"submitted\" true")).count();
    assert_eq!(
        (solved, found.values().filter(|shown| shown.starts_with("\"submitted\" false")).count()),
        (5, 10),
        "{found:?}"
    );
}

#[test]
fn ctrl_c_drains_and_a_second_one_stops_at_once() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    for twice in [false, true] {
        let program = Program::new();
        let rest = "instances: {dataset: demo}\nsamples: 8\nworkers: 2\n";
        write(&program, "s.yaml", &format!("{}{rest}", model_settings(&url)));
        let before = model.count();
        let child = program.start(&["sweep", "s.yaml"]);
        while model.count() < before + 3 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let interrupt = || {
            let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(sent.unwrap().success());
        };
        interrupt();
        if twice {
            std::thread::sleep(Duration::from_millis(50));
            interrupt();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no new work is started"), "{said}");
        let ended = results(&program, "s").len();
        assert_eq!(twice, ended == 0, "{ended}: {said}");
        assert!(ended < 24);
        let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn two_processes_share_a_run_when_they_are_told_to() {
    let model = Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() };
    let (_runtime, url) = model.serve();
    let program = Program::new();
    write(
        &program,
        "s.yaml",
        &format!("{}instances: {{dataset: demo}}\nsamples: 4\nworkers: 2\n", model_settings(&url)),
    );
    let first = program.start(&["sweep", "s.yaml"]);
    while model.count() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = program.run(&["sweep", "s.yaml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("another process is running the sweep"), "{refused:?}");
    let second = program.run(&["sweep", "s.yaml", "--share"]);
    ok(&second);
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(results(&program, "s").len(), 12);
    assert_eq!(model.count(), 12 * 4);
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let program = Program::new();
    let cases: &[(&str, &str)] = &[
        (
            "instances: {dataset: demo}\nmatrx: {a: [1]}\n",
            "s.yaml:2:1: unknown key `matrx`\nhint: did you mean `matrix`?",
        ),
        ("instances:\n\tdataset: demo\n", "s.yaml:2:"),
        ("instances: {dataset: demo}\nsamples: 1\nsamples: 2\n", "s.yaml:3:1: the key `samples` occurs twice"),
        (
            "agent: codeac\ninstances: {dataset: demo}\n",
            "s.yaml:1:1: unknown agent `codeac`\nhint: did you mean `codeact`?",
        ),
        ("instances: {dataset: demo}\nmatrix: {}\n", "s.yaml:2:1: `matrix` is empty"),
        ("base: settings.yaml\n", "s.yaml:1:1: `base` takes keys, not the value `settings.yaml`"),
        ("instances: {dataset: demo}\nbase:\n  limits:\n    steps: many\n", "s.yaml:4:5: "),
        ("matrix: {model.name: [a]}\ninclude:\n- {model.name: a}\n", "s.yaml:3:4: two cells have the name"),
        ("instances:\n  dataset: no/such/rows.jsonl\n", "s.yaml:2:3: "),
        ("instances: {dataset: demo}\nbudget:\n  cost: 0\n", "s.yaml:3:3: `budget.cost` must be a number above 0"),
        ("instances: {dataset: demo}\nbase:\n  limits: {step: 3}\n", "s.yaml:3:12: "),
        ("instances: {dataset: demo, ids: [demo__lru-2]}\n", "did you mean `demo__lru-1`"),
        ("instances: {dataset: demo, unsolved_in: smok}\n", "s.yaml:1:28: there is no run `smok`"),
    ];
    for (text, expected) in cases {
        write(&program, "s.yaml", text);
        let ran = program.run(&["sweep", "s.yaml"]);
        assert_eq!(ran.code, Some(2), "{text}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{text}: {ran:?}");
    }
    assert!(!Path::new(&program.path(".runs")).exists());
}
