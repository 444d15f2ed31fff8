//! Recorded episodes run again: as they were, with something changed, and continued from one of their steps.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::{Record, Trajectory};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::{Program, Ran};

const ID: &str = "demo__lru-1";
/// The number of answers of an episode with [`Counted`].
const ANSWERS: usize = 6;

/// The seed of a request, and how many answers its conversation holds.
type Asked = (Option<i64>, usize);

/// Answers by the number of answers in the conversation, with a command that depends on it and on the seed, and keeps
/// what it was asked: the seed and the number.
#[derive(Clone, Default)]
struct Counted {
    log: Arc<Mutex<Vec<Asked>>>,
    delay: Duration,
}

impl Respond for Counted {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let number = messages.iter().filter(|message| message["role"] == "assistant").count();
        let seed = body["seed"].as_i64();
        self.log.lock().unwrap().push((seed, number));
        // Its output is noise, and never the same twice.
        let command = format!("echo 'answer {number} of seed {seed:?}' >> README.md; date +%N; mktemp");
        let function = match number {
            number if number + 1 < ANSWERS => {
                json!({ "name": "bash", "arguments": json!({ "command": command }).to_string() })
            }
            _ => json!({ "name": "finish", "arguments": "{}" }),
        };
        let call = json!({ "id": format!("c{number}"), "type": "function", "function": function });
        let message = json!({ "role": "assistant", "content": format!("{number}"), "tool_calls": [call] });
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11 });
        let body =
            json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }], "usage": usage });
        ResponseTemplate::new(200).set_body_json(body).set_delay(self.delay)
    }
}

impl Counted {
    fn asked(&self) -> usize {
        self.log.lock().unwrap().len()
    }
}

/// Starts a server that answers by number for as long as the runtime lives, and a program that asks it.
fn serve(counted: &Counted) -> (tokio::runtime::Runtime, MockServer, Program) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(counted.clone()).mount(&server).await;
        server
    });
    let program = Program::new().with("OPENAI_BASE_URL", &format!("{}/v1", server.uri()));
    (runtime, server, program)
}

/// Solves the instance with the server in a run `p`.
fn solve(program: &Program) {
    let settings = ["--model", "m", "-c", "limits.cost=null", "-c", "evaluate=false"];
    let ran = program.run(&[&["solve", ID, "--run", "p"], &settings[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Returns the contents of all files below a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

fn trajectory(program: &Program, folder: &str) -> Trajectory {
    let path = program.path(&format!(".runs/{folder}/trajectory.jsonl"));
    Trajectory::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the one line that a replay prints.
fn line(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|err| panic!("{err}: {ran:?}"))
}

/// Changes the record of an episode: the line of this number among those of a type.
fn plant(program: &Program, folder: &str, (kind, number): (&str, usize), change: impl Fn(&mut Value)) {
    let path = program.path(&format!(".runs/{folder}/trajectory.jsonl"));
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = lines.iter_mut().filter(|line| line["type"] == kind).nth(number).unwrap();
    let before = found.clone();
    change(found);
    assert_ne!(*found, before, "nothing was changed");
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn replace(value: &mut Value, from: &str, to: &str) {
    *value = value.as_str().unwrap().replace(from, to).into();
}

#[test]
fn every_demo_episode_replays_as_it_was_and_its_run_is_not_touched() {
    for id in ["demo__durations-1", ID, "demo__tables-1"] {
        let program = Program::new();
        assert_eq!(program.run(&["solve", id, "--run", "one"]).code, Some(0));
        let before = contents(&program.path(".runs"));
        let observations = trajectory(&program, &format!("one/codeact/{id}")).records.into_iter();
        let observations = observations.filter(|record| matches!(record, Record::Observation { .. })).count();
        let names = [format!("one/codeact/{id}"), format!("one/{id}"), format!(".runs/one/codeact/{id}")];
        for name in if id == ID { &names[..] } else { &names[..1] } {
            let ran = program.run(&["replay", name]);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            let line = line(&ran);
            assert_eq!(
                (&line["run"], &line["cell"], &line["instance_id"]),
                (&json!("one"), &json!("codeact"), &json!(id))
            );
            assert_eq!(
                (&line["equal"], &line["patch_equal"], &line["first"]),
                (&json!(true), &json!(true), &Value::Null)
            );
            assert_eq!(line["observations"], json!([observations, observations]), "{ran:?}");
        }
        assert!(contents(&program.path(".runs")) == before, "the run was written in");
        assert!(fs::read_dir(program.temporary()).unwrap().next().is_none());
        if id != ID {
            continue;
        }
        let ran = program.run(&["replay", &format!("one/{id}"), "--run", "kept"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let report = fs::read_to_string(program.path(&format!(".runs/kept/codeact/{id}/report.json"))).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&report).unwrap()[id]["resolved"], true);
        assert_eq!(program.run(&["replay", &format!("kept/{id}")]).code, Some(0));
    }
}

#[test]
fn what_differs_is_found_where_it_is() {
    let of_record = [
        // A time is noise, a count is not.
        (("observation", 5), "Ran 5 tests in 0.", "Ran 5 tests in 7.", None),
        (("observation", 5), "Ran 5 tests", "Ran 4 tests", Some((6, "observation"))),
        (("observation", 2), "written again: ['b']", "written again: ['c']", Some((3, "observation"))),
        (("message", 1), "was reported for it", "was reported for us", Some((0, "message"))),
    ];
    for ((kind, number), from, to, expected) in of_record {
        let program = Program::new();
        assert_eq!(program.run(&["solve", ID, "--run", "one"]).code, Some(0));
        plant(&program, &format!("one/codeact/{ID}"), (kind, number), |line| {
            let place = if kind == "message" { "/message/content" } else { "/observation/text" };
            replace(line.pointer_mut(place).unwrap(), from, to);
        });
        for stop in [false, true] {
            let ran = program.run(&if stop { vec!["replay", "one", "--stop"] } else { vec!["replay", "one"] });
            let line = line(&ran);
            let Some((step, what)) = expected else {
                assert_eq!((ran.code, &line["equal"]), (Some(0), &json!(true)), "{ran:?}");
                continue;
            };
            assert_eq!((ran.code, &line["equal"]), (Some(1), &json!(false)), "{ran:?}");
            let first = &line["first"];
            assert_eq!((&first["step"], &first["what"]), (&json!(step), &json!(what)), "{ran:?}");
            let diff = first["diff"].as_str().unwrap();
            assert!(diff.contains(to) && diff.contains(from) && diff.lines().count() == 3, "{ran:?}");
            assert_eq!(line["divergences"], 1);
            let equal = if what == "message" { 9 } else { 8 };
            let reached = if stop { first["step"].as_u64().unwrap().saturating_sub(1) } else { equal };
            assert_eq!(line["observations"], json!([reached, 9]), "{ran:?}");
            assert_eq!(line["patch_equal"], if stop { Value::Null } else { json!(true) }, "{ran:?}");
            let left = fs::read_dir(program.temporary()).unwrap().count();
            assert_eq!(left, 0, "{ran:?}");
        }
    }
}

#[test]
fn another_patch_another_end_and_another_sandbox_are_told() {
    let program = Program::new();
    assert_eq!(program.run(&["solve", ID, "--run", "one"]).code, Some(0));
    let folder = format!("one/codeact/{ID}");
    let path = program.path(&format!(".runs/{folder}/trajectory.jsonl"));
    let record = fs::read_to_string(&path).unwrap();

    plant(&program, &folder, ("outcome", 0), |line| replace(&mut line["patch"], "_MISSING", "_GONE"));
    let ran = program.run(&["replay", "one"]);
    let told = line(&ran);
    assert_eq!((ran.code, &told["patch_equal"], &told["first"]), (Some(1), &json!(false), &Value::Null), "{ran:?}");
    assert!(told["patch_diff"].as_str().unwrap().contains("_GONE"), "{ran:?}");

    fs::write(&path, &record).unwrap();
    plant(&program, &folder, ("outcome", 0), |line| line["exit_status"] = json!({ "limit": "stuck" }));
    let ran = program.run(&["replay", "one"]);
    assert_eq!((ran.code, &line(&ran)["exit_status"]), (Some(1), &json!(["limit_stuck", "submitted"])), "{ran:?}");

    // An episode that was killed has no end, and is followed as far as it went.
    let (unfinished, _) = record.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{unfinished}\n")).unwrap();
    let ran = program.run(&["replay", "one"]);
    assert_eq!((ran.code, &line(&ran)["patch_equal"]), (Some(0), &Value::Null), "{ran:?}");

    fs::write(&path, &record).unwrap();
    let shim = program.path("shim");
    fs::create_dir(&shim).unwrap();
    fs::write(shim.join("python3"), "#!/bin/sh\necho something else\n").unwrap();
    std::process::Command::new("chmod").arg("+x").arg(shim.join("python3")).status().unwrap();
    let path = format!("{}:{}", shim.display(), std::env::var("PATH").unwrap());
    let program = program.with("PATH", &path);
    let ran = program.run(&["replay", "one"]);
    let told = line(&ran);
    assert_eq!((ran.code, &told["first"]["step"]), (Some(1), &json!(3)), "{ran:?}");
    assert!(told["first"]["arguments"].as_str().unwrap().contains("python3 reproduce.py"), "{ran:?}");
    assert!(ran.stderr.contains("+ something else"), "{ran:?}");
    // What does not run Python is as it was, and so is the patch.
    assert_eq!((&told["observations"], &told["patch_equal"]), (&json!([7, 9]), &json!(true)), "{ran:?}");
}

#[test]
fn branches_pay_only_for_what_is_new_and_differ() {
    let counted = Counted::default();
    let (_runtime, _server, program) = serve(&counted);
    solve(&program);
    assert_eq!(counted.asked(), ANSWERS);
    let before = contents(&program.path(".runs/p"));
    let name = format!("p/codeact/{ID}");
    let branch = ["replay", &name, "--from-step", "3", "--branches", "3", "--workers", "3", "--model", "other"];
    let branch = [&branch[..], &["-c", "model.temperature=0.5", "-c", "evaluate=true"]].concat();
    let ran = program.run(&branch);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut new: Vec<(Option<i64>, usize)> = counted.log.lock().unwrap().iter().skip(ANSWERS).copied().collect();
    new.sort_unstable();
    let expected: Vec<(Option<i64>, usize)> =
        [None, Some(1), Some(2)].into_iter().flat_map(|seed| (3..ANSWERS).map(move |number| (seed, number))).collect();
    assert_eq!(new, expected, "{ran:?}");
    assert!(contents(&program.path(".runs/p")) == before, "the parent's run was written in");

    let parent = trajectory(&program, &name);
    let said = |trajectory: &Trajectory| {
        let of_prefix = trajectory.records.iter().filter(|record| record.step().is_some_and(|step| step <= 3));
        let said = of_prefix.map(|record| {
            let mut record = serde_json::to_value(record).unwrap();
            record.as_object_mut().unwrap().remove("restored");
            record.as_object_mut().unwrap().remove("seconds");
            record.to_string()
        });
        said.collect::<Vec<_>>()
    };
    let mut patches = Vec::new();
    for (sample, folder) in [(0, ID.to_owned()), (1, format!("{ID}/1")), (2, format!("{ID}/2"))] {
        let trajectory = trajectory(&program, &format!("p-from-3/codeact/{folder}"));
        let header = trajectory.header().unwrap();
        assert_eq!((header.origin.sample, header.model.as_str()), (sample, "other"));
        let from = header.origin.parent.as_ref().unwrap();
        assert_eq!(from.to_string(), format!("p/codeact/{ID} after step 3"));
        assert_eq!(said(&trajectory), said(&parent));
        let restored = serde_json::to_string(&trajectory.records).unwrap().matches("\"restored\":true").count();
        // Two messages, three answers, three observations.
        assert_eq!(restored, 8);
        let spending = trajectory.outcome().unwrap().spending;
        assert_eq!((spending.restored.queries, spending.paid().queries), (3, spending.queries - 3), "{spending:?}");
        patches.push(trajectory.outcome().unwrap().patch.clone().unwrap().0);
        let ran = program.run(&["replay", &format!("p-from-3/codeact/{folder}")]);
        assert_eq!((ran.code, &line(&ran)["sample"]), (Some(0), &json!(sample)), "{ran:?}");
    }
    patches.dedup();
    assert_eq!(patches.len(), 3, "{patches:?}");
    for view in ["preds.jsonl", "preds.1.jsonl", "preds.2.jsonl", "report.2.json"] {
        assert!(program.path(&format!(".runs/p-from-3/codeact/{view}")).is_file(), "{view}");
    }
    let samples: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    assert_eq!(samples.len(), 3);
    assert!(samples.iter().all(|sample| sample["resolved"] == false && sample["sample"].is_u64()), "{ran:?}");
    // The same command has nothing left to do, more samples are added, and another parent is refused.
    let asked = counted.asked();
    assert_eq!(program.run(&branch).code, Some(0));
    assert_eq!(counted.asked(), asked);
    let more = [&branch[..4], &["--branches", "4", "--model", "other"], &branch[10..]].concat();
    let ran = program.run(&more);
    assert_eq!((ran.code, counted.asked()), (Some(0), asked + ANSWERS - 3), "{ran:?}");
    let ran = program.run(&[&["replay", &name, "--from-step", "2", "--run", "p-from-3"], &branch[8..]].concat());
    assert_eq!((ran.code, counted.asked()), (Some(1), asked + ANSWERS - 3), "{ran:?}");
    assert!(ran.stderr.contains("it continued from"), "{ran:?}");
}

#[test]
fn a_branch_that_is_killed_goes_on_and_pays_nothing_twice() {
    let counted = Counted { delay: Duration::from_millis(20), ..Counted::default() };
    let (_runtime, _server, program) = serve(&counted);
    solve(&program);
    let branch = ["replay", "p", "--from-step", "2", "--branches", "2", "--workers", "2", "-c", "model.temperature=1"];
    let mut random = fastrand::Rng::with_seed(5);
    let kills = 6;
    for _ in 0..kills {
        let (requests, pause) = (random.usize(0..4), random.u64(0..60));
        let begun = counted.asked();
        let mut child = program.start(&branch);
        while counted.asked() < begun + requests && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = program.run(&branch);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let log = counted.log.lock().unwrap().clone();
    let new = &log[ANSWERS..];
    assert!(new.iter().all(|(_, number)| *number >= 2), "a step of the record was asked for again");
    let (all, each) = (2 * (ANSWERS - 2), new.len());
    // What was under way in either when the program was killed is asked for again.
    assert!((all..=all + 2 * kills).contains(&each), "{each} requests for {all} answers");
    for (sample, folder) in [(0, ID.to_owned()), (1, format!("{ID}/1"))] {
        let trajectory = trajectory(&program, &format!("p-from-2/codeact/{folder}"));
        assert_eq!(trajectory.completions().count(), ANSWERS);
        assert_eq!(trajectory.header().unwrap().origin.sample, sample);
        assert!(!serde_json::to_string(&trajectory.records).unwrap().contains("record_cut"), "{ran:?}");
        let patch = &trajectory.outcome().unwrap().patch.as_ref().unwrap().0;
        let lines = patch.lines().filter(|line| line.starts_with("+answer")).count();
        assert_eq!(lines, ANSWERS - 1, "{patch}");
    }
}

#[test]
fn a_free_model_goes_on_from_the_step_too() {
    let program = Program::new();
    assert_eq!(program.run(&["solve", ID, "--run", "one"]).code, Some(0));
    fs::write(program.path("s.yaml"), "turns: [{calls: [{name: finish, arguments: {}}]}]").unwrap();
    let script = ["-c", "model.provider=script", "-c", "model.path=s.yaml"];
    // Without the tool that step 7 calls, the record is of use up to there. Half the change does not resolve it.
    for (from, thinks, steps, resolved) in [(4, true, 5, false), (8, true, 9, true), (7, false, 8, true)] {
        let (number, think) = (from.to_string(), format!("codeact.think={thinks}"));
        let ran = program.run(&[&["replay", "one", "--from-step", &number, "-c", &think], &script[..]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let told = ran.line(ID);
        assert_eq!((&told["steps"], &told["resolved"]), (&json!(steps), &json!(resolved)), "{ran:?}");
        assert_eq!(ran.stderr.contains("`codeact.think` was true and is false"), !thinks, "{ran:?}");
        let trajectory = trajectory(&program, &format!("one-from-{from}/codeact/{ID}"));
        assert_eq!(trajectory.header().unwrap().origin.parent.as_ref().unwrap().step, from);
        let cut = trajectory.records.iter().find(|record| matches!(record, Record::RecordCut { .. }));
        assert_eq!(cut.and_then(Record::step), (!thinks).then_some(7), "{ran:?}");
        assert_eq!(program.run(&["replay", &format!("one-from-{from}")]).code, Some(0));
    }
}

#[test]
fn what_cannot_be_replayed_is_refused_with_what_can() {
    let program = Program::new();
    assert_eq!(program.run(&["solve", ID, "--run", "one"]).code, Some(0));
    let own = format!("one/codeact/{ID}");
    for (arguments, told) in [
        (&["replay", "onee/demo__lru-1"][..], "did you mean `one`?"),
        (&["replay", "one/codeact/demo__lru-2"], "did you mean `codeact/demo__lru-1`?"),
        (&["replay", "one/demo__lru1"], "did you mean `demo__lru-1`?"),
        (&["replay", "one/codeakt/demo__lru-1"], "did you mean `codeact/demo__lru-1`?"),
        (&["replay", "one/codeact/demo__lru-1/1"], "did you mean `codeact/demo__lru-1`?"),
        (&["replay", "../one"], "there is no run"),
        (&["replay", &own, "--model", "m"], "`--from-step STEPS` continues with one"),
        (&["replay", &own, "--run", "one"], "choose another `--run`"),
        (&["replay", &own, "-c", "run=one"], "choose another `--run`"),
        (&["replay", &own, "--agent", "moatless"], "is an episode of `codeact`"),
        (&["replay", &own, "--from-step", "9"], "`--from-step 8`, or fewer"),
        (&["replay", &own, "--from-step", "2", "--run", "one"], "choose another `--run`"),
        (&["replay", &own, "--from-step", "2", "-c", "env.kind=swe-bench"], ""),
        (&["replay", &own, "--branches", "2"], "--from-step"),
        (&["replay", &own, "--from-step", "2", "--branches", "0"], "0"),
        (&["replay", &own, "--from-step", "2", "--stop"], "cannot be used with"),
        (&["replay"], "EPISODE"),
    ] {
        let ran = program.run(arguments);
        assert!(ran.code == Some(2) && ran.stdout.is_empty() && ran.stderr.contains(told), "{arguments:?}: {ran:?}");
    }
    let copied = program.path(&format!(".runs/one/other/{ID}"));
    fs::create_dir_all(&copied).unwrap();
    fs::copy(program.path(&format!(".runs/{own}/trajectory.jsonl")), copied.join("trajectory.jsonl")).unwrap();
    let ran = program.run(&["replay", &format!("one/{ID}")]);
    assert!(ran.code == Some(2) && ran.stderr.contains("names 2 episodes"), "{ran:?}");
    // Its settings are in its own header as well.
    let ran = program.run(&["replay", &format!("one/other/{ID}")]);
    assert_eq!((ran.code, &line(&ran)["cell"]), (Some(0), &json!("other")), "{ran:?}");

    let another = |line: &mut Value| line["origin"]["instance"] = json!("00000000");
    plant(&program, &own, ("header", 0), another);
    let ran = program.run(&["replay", &own]);
    assert!(ran.code == Some(0) && ran.stderr.contains("the text of the instance differs"), "{ran:?}");
    let ran = program.run(&["replay", &own, "--from-step", "2"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("the text of the instance differs"), "{ran:?}");
    fs::write(program.path(&format!(".runs/{own}/trajectory.jsonl")), "{}\n{}\n").unwrap();
    let ran = program.run(&["replay", &own]);
    assert!(ran.code == Some(2) && ran.stderr.contains("is damaged"), "{ran:?}");
}
