//! Runs in the formats of other programs, and back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use agent_core::{Extras, Message, Parent, Record, Served, ToolCall, Usage};
use journal::Run;
use serde_json::{Map, Value, json};
use training::{Format, Out, Target, Written as Export, import, write_runs};

use crate::shown::{held, imported};
use crate::written::{Written, answered, call, episode, header, observed, outcome, run, said, shown_less};

/// Returns all files below a folder whose names end so, sorted.
pub(crate) fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, end));
        } else if entry.to_string_lossy().ends_with(end) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

pub(crate) fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Takes files into a run of one cell.
pub(crate) fn taken_in(folder: &Path, name: &str, files: &[PathBuf]) -> Run {
    let target = Target { runs: folder.to_owned(), run: name.to_owned(), cell: Some("cell".to_owned()) };
    let counts = import(files, &target, |_, _| {}).unwrap();
    assert!(counts.iter().all(|counts| counts.errors.is_empty()), "{counts:?}");
    Run::open(&folder.join(name)).unwrap()
}

pub(crate) fn exported(run: &Run, format: Format, out: &Path) -> Export {
    write_runs(std::slice::from_ref(run), format, Out::new(out)).unwrap()
}

/// Returns the trajectories of an export by the instance and the sample.
pub(crate) fn trajectories(out: &Path) -> BTreeMap<String, Value> {
    let name = |path: &Path| path.ancestors().nth(2).unwrap().file_name().unwrap().to_string_lossy().into_owned();
    files(out, "agent/trajectory.json").iter().map(|path| (name(path), json_of(path))).collect()
}

/// An episode with all that records can say.
fn rich() -> Written {
    let mut head = header();
    if let Record::Header(header) = &mut head {
        header.origin.parent = Some(Parent { run: "p".to_owned(), step: 1, ..Parent::default() });
        header.origin.started = 1_700_000_000.5;
    }
    let (first, second) = (call("c1", "ls"), ToolCall { arguments: "not json".to_owned(), ..call("c2", "") });
    let mut of_parent = answered("from the parent", std::slice::from_ref(&first), None);
    let mut thinking = answered("done", &[first.clone(), second.clone()], Some((&[1, 2, 3], &[4, 5])));
    if let Record::Completion { restored, step, .. } = &mut of_parent {
        (*restored, *step) = (true, 1);
    }
    if let Record::Completion { completion, step, seconds, .. } = &mut thinking {
        (*step, *seconds) = (2, 1.5);
        completion.usage = Usage { prompt_tokens: 100, completion_tokens: 7, cached_tokens: 40 };
        completion.cost = Some(0.1);
        let message =
            Map::from_iter([("reasoning_content".to_owned(), json!("why")), ("signature".to_owned(), json!("s"))]);
        completion.message.extras = Some(Box::new(Extras { message, calls: Vec::new() }));
        let served: &mut Served = completion.served.get_or_insert_default();
        served.logprobs =
            Some(json!({ "content": [{ "token": "a", "logprob": -0.25 }, { "token": "b", "logprob": -0.5 }] }));
        (served.id, served.asked_at, served.answered_at) = (Some("r1".to_owned()), 1_700_000_001.0, 1_700_000_002.5);
    }
    let mut clipped = observed(&second, "all of it");
    if let Record::Observation { shown, observation, .. } = &mut clipped {
        (*shown, observation.exit_code) = (Some("a part".to_owned()), Some(1));
    }
    let records = vec![
        head,
        said(Message::system("Rules.")),
        said(Message::user("Repair.")),
        of_parent,
        observed(&first, "x.py"),
        thinking,
        observed(&first, "y.py"),
        said(Message::user("A nudge.")),
        clipped,
        shown_less(answered("less is shown", &[], None), 2),
        Record::Conversation { step: 3, name: "Review".to_owned(), restored: false },
        said(Message::user("Look again.")),
        answered("fine", &[], None),
        observed(&ToolCall { id: "stray".to_owned(), name: "bash".to_owned(), arguments: String::new() }, "of no call"),
        outcome(),
    ];
    Written { instance: "a__b-7", sample: 0, resolved: true, records }
}

fn small(folder: &Path) -> Run {
    let episodes = [episode("a__b-1", 0, true, "x", 3), episode("a__b-1", 1, false, "y", 2), rich()];
    run(folder, &episodes)
}

#[test]
fn a_run_comes_back_from_harbors_format_as_the_same_trajectories() {
    let folder = tempfile::tempdir().unwrap();
    let written = exported(&small(folder.path()), Format::Atif, &folder.path().join("first"));
    assert_eq!((written.episodes, written.left_out.len()), (3, 0));
    let told: Vec<(&str, usize)> = written.losses.iter().map(|(kind, number)| (kind.as_str(), *number)).collect();
    assert_eq!(
        told,
        [
            ("calls whose arguments are no JSON object, which stand beside as text", 1),
            ("lists of log probabilities without their texts and alternatives", 1),
            ("observations of which only what the model was shown is written", 1),
        ]
    );
    let first = trajectories(&folder.path().join("first"));
    assert_eq!(first.keys().collect::<Vec<_>>(), ["a__b-1__0", "a__b-1__1", "a__b-7__0"]);
    let run = taken_in(folder.path(), "again", &files(&folder.path().join("first"), "agent/trajectory.json"));
    exported(&run, Format::Atif, &folder.path().join("second"));
    assert_eq!(trajectories(&folder.path().join("second")), first);
}

#[test]
fn what_harbors_format_holds_of_an_episode() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    exported(&small(folder.path()), Format::Atif, &out);
    let trial = out.join("run.cell/a__b-7__0");
    let trajectory = json_of(&trial.join("agent/trajectory.json"));
    let step = |number: usize| &trajectory["steps"][number - 1];
    assert_eq!(step(3)["is_copied_context"], true);
    assert_eq!(step(4)["reasoning_content"], "why");
    assert_eq!(step(4)["timestamp"], "2023-11-14T22:13:22.5Z");
    assert_eq!(
        step(4)["metrics"],
        json!({
            "prompt_tokens": 100, "completion_tokens": 7, "cached_tokens": 40, "cost_usd": 0.1,
            "prompt_token_ids": [1, 2, 3], "completion_token_ids": [4, 5], "logprobs": [-0.25, -0.5],
        })
    );
    // Each result stands with its step, and one that came later where it came.
    assert_eq!(step(4)["observation"]["results"], json!([{ "source_call_id": "c1", "content": "y.py" }]));
    let later = &step(5)["observation"]["results"][0];
    assert_eq!((&later["content"], &later["extra"]["spotter"]["tool_call_id"]), (&json!("a part"), &json!("c2")));
    assert_eq!(step(6)["extra"]["spotter"]["view"], json!({ "dropped": 2 }));
    assert_eq!(step(7)["extra"]["spotter"]["conversations"], json!(["Review"]));
    assert_eq!(trajectory["agent"]["tool_definitions"][0]["function"]["name"], "bash");
    assert_eq!(
        (&trajectory["extra"]["resolved"], &trajectory["extra"]["instance_id"]),
        (&json!(true), &json!("a__b-7"))
    );
    assert_eq!(json_of(&trial.join("verifier/reward.json")), json!({ "reward": 1 }));
    assert!(fs::read_to_string(trial.join("artifacts/model.patch")).unwrap().starts_with("diff --git"));
}

#[test]
fn a_foreign_file_of_harbors_format_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = json!({
        "schema_version": "ATIF-v1.8", "session_id": "s", "notes": "n", "continued_trajectory_ref": "next.json",
        "agent": {
            "name": "a", "version": "1", "model_name": "m", "extra": { "k": 1 },
            "tool_definitions": [{ "type": "function", "function": { "name": "bash", "strict": true, "parameters": {} } }],
        },
        "steps": [
            { "step_id": 1, "source": "system", "message": "", "observation": { "results": [{ "content": "booted" }] } },
            { "step_id": 2, "timestamp": "2025-01-01T00:00:00Z", "source": "user", "message": [
                { "type": "text", "text": "two\nlines" },
                { "type": "image", "source": { "media_type": "image/png", "path": "a.png" } },
                { "type": "text", "text": "" },
            ] },
            { "step_id": 3, "source": "agent", "message": "copied", "is_copied_context": true, "model_name": "other",
              "metrics": { "prompt_tokens": 1 } },
            {
                "step_id": 4, "source": "agent", "model_name": "m", "reasoning_effort": "high", "message": "a",
                "reasoning_content": "why", "llm_call_count": 1, "extra": { "x": [1] },
                "tool_calls": [{
                    "tool_call_id": "c1", "function_name": "bash", "arguments": { "n": 0.1, "s": "é" }, "extra": { "t": 5 },
                }],
                "observation": { "results": [
                    { "source_call_id": "c1", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
                    { "source_call_id": "c1", "subagent_trajectory_ref": [{ "trajectory_path": "sub.json" }], "extra": { "q": 2 } },
                ] },
                "metrics": { "prompt_tokens": 0, "completion_tokens": 3, "cost_usd": 0.30000000000000004, "extra": { "r": 1 },
                             "completion_token_ids": [1, 2], "logprobs": [-0.1, -1e-7] },
            },
        ],
        "final_metrics": { "total_prompt_tokens": 5, "total_steps": 9, "extra": { "z": null } },
        "subagent_trajectories": [{ "schema_version": "ATIF-v1.8", "trajectory_id": "t", "agent": { "name": "b", "version": "1" },
                                    "steps": [{ "step_id": 1, "source": "user", "message": "u" }] }],
        "extra": { "instance_id": "a__b-1", "own": true },
    });
    // Named after a trial.
    let path = folder.path().join("a__b-1__Ab3.json");
    fs::write(&path, file.to_string()).unwrap();
    let run = taken_in(folder.path(), "run", &[path]);
    exported(&run, Format::Atif, &folder.path().join("out"));
    assert_eq!(trajectories(&folder.path().join("out"))["a__b-1__0"], file);
}

#[test]
fn what_openhands_and_mini_swe_agent_are_given_comes_back_as_the_same_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let episodes = [episode("a__b-1", 0, true, "x", 3), episode("a__b-2", 0, false, "y", 2)];
    let run = run(folder.path(), &episodes);
    let conversations =
        |held: &str| -> Vec<String> { held.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect() };
    let before = held(run.folder());
    for (format, name, end) in [(Format::OpenHands, "oh", "output.jsonl"), (Format::Mini, "mini", ".traj.json")] {
        let out = folder.path().join(format!("out-{name}"));
        assert_eq!(exported(&run, format, &out).episodes, 2);
        taken_in(folder.path(), name, &files(&out, end));
        let after = held(&folder.path().join(name));
        let kept: Vec<String> =
            conversations(&after).into_iter().filter(|line| line != "  user \"Submitted\"").collect();
        assert_eq!(kept, conversations(&before), "{name}");
        assert!(
            after.contains("a__b-1 0: submitted, Solved") && after.contains("a__b-2 0: submitted, Unsolved"),
            "{after}"
        );
    }
    assert!(folder.path().join("out-mini/a__b-1/a__b-1.traj.json").is_file());
    let predictions = json_of(&folder.path().join("out-mini/preds.json"));
    assert!(predictions["a__b-2"]["model_patch"].as_str().unwrap().starts_with("diff --git"), "{predictions}");
    let completions = files(&folder.path().join("out-oh/llm_completions/a__b-1"), ".json");
    assert_eq!(json_of(&completions[0])["messages"].as_array().unwrap().len(), 7);
}

#[test]
fn an_episode_in_many_conversations_says_to_openhands_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let written = exported(&run(folder.path(), &[rich()]), Format::OpenHands, &out);
    let row = json_of(&out.join("output.jsonl"));
    let history = row["history"].as_array().unwrap();
    let forgotten: Vec<&Value> =
        history.iter().map(|event| &event["args"]["forgotten_event_ids"]).filter(|ids| !ids.is_null()).collect();
    // The answer of the parent and its result; then all that was still shown of the first conversation.
    assert_eq!(forgotten, [&json!([2, 3]), &json!([0, 1, 4, 5, 6, 7, 8, 10])]);
    assert_eq!(history[4]["tool_call_metadata"]["model_response"]["id"], "r1");
    assert_eq!(history[4]["tool_call_metadata"]["model_response"]["choices"][0]["message"]["reasoning_content"], "why");
    assert_eq!(written.losses["results of no call that was made"], 1);
    assert_eq!(written.losses["names of conversations"], 1);
}

/// Returns a file of a zip.
fn in_zip(archive: &Path, name: &str) -> Value {
    let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
    serde_json::from_reader(archive.by_name(name).unwrap()).unwrap()
}

#[test]
fn a_log_of_inspect_holds_messages_scores_usage_and_what_each_request_held() {
    let folder = tempfile::tempdir().unwrap();
    let run = small(folder.path());
    let written = exported(&run, Format::Inspect, &folder.path().join("logs"));
    assert_eq!(written.episodes, 3);
    let log = folder.path().join("logs/run_cell.eval");
    let header = in_zip(&log, "header.json");
    assert_eq!(header["eval"]["dataset"]["sample_ids"], json!(["a__b-1", "a__b-7"]));
    assert_eq!(header["eval"]["config"]["epochs"], 2);
    // The second instance has one sample, where the format asks for two of a log that is whole.
    assert_eq!((&header["status"], &header["results"]["completed_samples"]), (&json!("cancelled"), &json!(3)));
    assert_eq!(in_zip(&log, "summaries.json").as_array().unwrap().len(), 3);
    let sample = in_zip(&log, "samples/a__b-7_epoch_1.json");
    assert_eq!((&sample["scores"]["resolved"]["value"], sample["messages"].as_array().unwrap().len()), (&json!(1), 12));
    let usage = &sample["output"]["usage"];
    assert_eq!(usage["total_tokens"], 0);
    let trajectory = run
        .episodes("cell")
        .into_iter()
        .find(|one| one.instance_id == "a__b-7")
        .unwrap()
        .trajectory()
        .unwrap()
        .unwrap();
    let mut requests = Vec::new();
    for segment in trajectory.segments() {
        for (index, shown) in segment.messages.iter().enumerate().filter(|(_, shown)| shown.sampled) {
            let _ = shown;
            requests
                .push(segment.messages[..index].iter().map(|shown| shown.message.content.clone()).collect::<Vec<_>>());
        }
    }
    let pool = sample["events_data"]["messages"].as_array().unwrap();
    let text = |message: &Value| match &message["content"] {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        content => content.as_str().unwrap().to_owned(),
    };
    let of_event = |event: &Value| -> Vec<String> {
        let ranges: Vec<[usize; 2]> = serde_json::from_value(event["input_refs"].clone()).unwrap();
        ranges.iter().flat_map(|[from, to]| pool[*from..*to].iter().map(text)).collect()
    };
    // Events stand in the order in which they came.
    let kinds: Vec<&str> =
        sample["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["model", "tool", "model", "tool", "tool", "model", "info", "model"]);
    let models: Vec<&Value> =
        sample["events"].as_array().unwrap().iter().filter(|event| event["event"] == "model").collect();
    assert_eq!(models.iter().map(|event| of_event(event)).collect::<Vec<_>>(), requests);
    let counted = &models[1]["output"]["usage"];
    assert_eq!((&counted["input_tokens"], &counted["input_tokens_cache_read"]), (&json!(60), &json!(40)));
}

#[test]
fn patches_without_a_record_go_where_a_format_can_hold_them() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("candidates.jsonl");
    fs::write(
        &rows,
        json!({ "instance_id": "a__b-1", "source": "s", "run": 3, "patch": "d", "resolved": true }).to_string(),
    )
    .unwrap();
    imported(folder.path(), &[rows]);
    let run = Run::open(&folder.path().join("run")).unwrap();
    let out = |name: &str| folder.path().join(name);
    let atif = exported(&run, Format::Atif, &out("atif"));
    assert_eq!((atif.episodes, atif.left_out.values().sum::<usize>()), (0, 1));
    for (format, name) in [(Format::OpenHands, "oh"), (Format::Mini, "mini"), (Format::Inspect, "inspect")] {
        assert_eq!(exported(&run, format, &out(name)).episodes, 1);
    }
    assert_eq!(json_of(&out("oh/output.jsonl"))["test_result"]["git_patch"], "d");
    assert_eq!(json_of(&out("mini/preds.json"))["a__b-1"]["model_patch"], "d");
    // The row's other fields are in the run.
    assert_eq!(run.episodes("s")[0].imported.as_ref().unwrap().record["run"], 3);
}
