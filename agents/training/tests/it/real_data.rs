//! Real trajectories, beside what their files say when they are read as plain JSON.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use agent_core::Record;
use journal::{Ending, Run};
use serde_json::Value;
use training::Format;

use crate::export::{exported, files as below, taken_in, trajectories};
use crate::shown::{held, imported, line};

fn data() -> PathBuf {
    std::env::var_os("SPOTTER_DATA").map_or_else(|| PathBuf::from("../../../shared/data"), PathBuf::from)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Returns the rows of a file by the place that an import names.
fn rows(file: &Path) -> Vec<(String, Value)> {
    let bytes = std::fs::read(file).unwrap();
    let place = |number: usize| format!("{}:{number}", file.display());
    if file.extension().is_none_or(|extension| extension != "zst") {
        return vec![(place(1), serde_json::from_slice(&bytes).unwrap())];
    }
    let text = String::from_utf8(zstd::decode_all(bytes.as_slice()).unwrap()).unwrap();
    (1..).zip(text.lines()).map(|(number, line)| (place(number), serde_json::from_str(line).unwrap())).collect()
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| part["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// Returns a message of the source as [`line`] has it.
fn source_line(message: &Value) -> String {
    let role = match message["role"].as_str().unwrap() {
        "exit" => "user",
        role => role,
    };
    let mut line = format!("{role} {:?}", text(&message["content"]));
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let field = |path: &str| call.pointer(path).unwrap().as_str().unwrap();
        line += &format!(" [{} {} {}]", field("/id"), field("/function/name"), field("/function/arguments"));
    }
    if let Some(id) = message["tool_call_id"].as_str() {
        line += &format!(" <{id}>");
    }
    line
}

/// Returns the messages of a row that has messages.
fn messages(row: &Value) -> Option<Vec<String>> {
    let list = ["messages", "history"].iter().find_map(|key| row[key].as_array())?;
    let last = row.pointer("/final_response/choices/0/message");
    Some(list.iter().chain(last).map(source_line).collect())
}

/// Returns how many calls and observations a row without messages has.
fn counted(raw: &Value) -> (usize, usize) {
    let of = |list: &Value, kind: &str| list.as_array().unwrap().iter().filter(|item| item["type"] == kind).count();
    if let Some(response) = raw.get("response") {
        return (of(&response["output"], "function_call"), of(&response["output"], "function_call_output"));
    }
    let states = ["transitions", "steps"].iter().find_map(|key| raw[key].as_array()).unwrap();
    let actions: Vec<&Value> =
        states.iter().flat_map(|state| state["actions"].as_array().into_iter().flatten()).collect();
    let answered = actions.iter().filter(|action| !action["output"].is_null() || !action["retry_message"].is_null());
    (actions.len(), answered.count())
}

/// Returns whether a row says that its patch is resolved.
fn label(row: &Value) -> Option<bool> {
    row["resolved"].as_bool().or_else(|| row.pointer("/raw/resolved")?.as_f64().map(|resolved| resolved == 1.0))
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn real_files_are_taken_in_without_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = files(&data().join("trajectories"));
    all.extend(files(&data().join("trajectories/raw_samples")));
    all.push(data().join("candidates.jsonl.zst"));
    let source: HashMap<String, Value> = all.iter().flat_map(|file| rows(file)).collect();
    let counts = imported(folder.path(), &all);
    assert!(counts.iter().all(|counts| counts.errors.is_empty()), "{counts:?}");
    assert_eq!(counts.iter().map(|counts| counts.imported).sum::<usize>(), source.len());
    let run = Run::open(&folder.path().join("run")).unwrap();
    let (mut compared, mut patches, mut labels) = (0, HashMap::<_, usize>::new(), [0, 0]);
    for episode in run.cells().iter().flat_map(|cell| run.episodes(cell)) {
        let resolved = episode.judged.as_ref().and_then(|judged| judged.resolved);
        labels[0] += usize::from(resolved == Some(true));
        labels[1] += usize::from(resolved == Some(false));
        let patch = episode.prediction.as_ref().map(|prediction| prediction.patch_text().to_owned());
        *patches.entry((episode.instance_id.clone(), patch.clone())).or_default() += 1;
        let Some(trajectory) = episode.trajectory().unwrap() else { continue };
        let place = &trajectory.header().unwrap().origin.settings["imported"]["place"];
        let row = &source[place.as_str().unwrap()];
        let segments = trajectory.segments();
        let rebuilt = || segments.iter().flat_map(|segment| &segment.messages).map(|shown| &shown.message);
        match messages(row) {
            Some(expected) => assert_eq!(rebuilt().map(line).collect::<Vec<_>>(), expected, "{place}"),
            None => {
                let calls = rebuilt().map(|message| message.tool_calls.len()).sum::<usize>();
                let observations = rebuilt().filter(|message| message.role == agent_core::Role::Tool).count();
                assert_eq!((calls, observations), counted(&row["raw"]), "{place}");
            }
        }
        assert_eq!(resolved, label(row), "{place}");
        let is_resolved = episode.ending() == Ending::Solved;
        assert_eq!(is_resolved, resolved == Some(true), "{place}: {:?}", episode.ending());
        compared += 1;
    }
    assert_eq!(
        compared,
        source.values().filter(|row| row.get("patch").is_none() || row.get("traj_id").is_some()).count()
    );
    for row in source.values() {
        let id = row["instance_id"].as_str().map(str::to_owned);
        let patch = [&row["patch"], &row["info"]["submission"]].into_iter().find_map(Value::as_str).map(str::to_owned);
        if let (Some(id), Some(patch)) = (id, patch) {
            let left = patches.get_mut(&(id.clone(), Some(patch))).unwrap_or_else(|| panic!("no patch for {id}"));
            *left = left.checked_sub(1).unwrap_or_else(|| panic!("too few patches for {id}"));
        }
    }
    let expected = [Some(true), Some(false)].map(|is| source.values().filter(|row| label(row) == is).count());
    assert_eq!(labels, expected);
}

/// Returns all files of trajectories.
fn all_files() -> Vec<PathBuf> {
    let mut all = files(&data().join("trajectories"));
    all.extend(files(&data().join("trajectories/raw_samples")));
    all
}

/// Returns messages, answers, calls and observations, patches and verdicts of a run.
fn figures(run: &Run) -> [usize; 7] {
    let mut figures = [0; 7];
    for episode in run.cells().iter().flat_map(|cell| run.episodes(cell)) {
        figures[5] += usize::from(episode.prediction.is_some());
        figures[6] += usize::from(episode.ending() == Ending::Solved);
        let Some(trajectory) = episode.trajectory().unwrap() else { continue };
        figures[0] += 1;
        for record in &trajectory.records {
            match record {
                Record::Message { .. } => figures[1] += 1,
                Record::Completion { completion, .. } => {
                    figures[2] += 1;
                    figures[3] += completion.message.tool_calls.len();
                }
                Record::Observation { .. } => figures[4] += 1,
                _ => {}
            }
        }
    }
    figures
}

/// Returns what the programs that own a format find in an export; nothing without `SPOTTER_PYTHON`, which names a Python
/// that has them.
fn loaded(format: &str, folder: &Path) -> Option<Value> {
    let python = std::env::var_os("SPOTTER_PYTHON")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats.py");
    let output = std::process::Command::new(python).arg(script).arg(format).arg(folder).output().unwrap();
    assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    // Some print a greeting first.
    let text = String::from_utf8(output.stdout).unwrap();
    Some(serde_json::from_str(text.lines().last().unwrap()).unwrap())
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn real_trajectories_are_written_in_each_format_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let target = |name: &str| folder.path().join(name);
    let run = taken_in(folder.path(), "run", &all_files());
    let before = figures(&run);
    let [trajectories_before, messages, answers, calls, observations, ..] = before;
    println!("trajectories, messages, answers, calls, observations, patches, solved: {before:?}");
    for (name, format) in [("inspect", Format::Inspect), ("mini", Format::Mini), ("openhands", Format::OpenHands)] {
        let written = exported(&run, format, &target(name));
        println!("{name}: {written:?}");
        assert_eq!(written.episodes, trajectories_before);
        // OpenHands' package does not go with the others.
        let Some(found) = (name != "openhands").then(|| loaded(name, &target(name))).flatten() else { continue };
        println!("{name}: {found}");
        if name == "inspect" {
            assert_eq!(
                (&found["messages"], &found["samples"]),
                (&(messages + answers + observations).into(), &trajectories_before.into())
            );
            assert_eq!((&found["requests"], &found["resolved"]), (&answers.into(), &before[6].into()));
        }
    }
    let first = exported(&run, Format::Atif, &target("atif"));
    println!("atif: {first:?}");
    assert_eq!((first.episodes, first.left_out.len()), (trajectories_before, 0));
    if let Some(found) = loaded("atif", &target("atif")) {
        println!("atif: {found}");
        assert_eq!((&found["trajectories"], &found["results"]), (&trajectories_before.into(), &observations.into()));
        assert!(found["calls"].as_u64() >= Some(calls as u64));
    }
    let again = taken_in(folder.path(), "again", &below(&target("atif"), "agent/trajectory.json"));
    assert_eq!(figures(&again), before);
    exported(&again, Format::Atif, &target("second"));
    let strip = |all: std::collections::BTreeMap<String, Value>| {
        let mut all: Vec<Value> = all.into_values().collect();
        all.sort_by_cached_key(|one| one["session_id"].to_string());
        all
    };
    assert!(strip(trajectories(&target("second"))) == strip(trajectories(&target("atif"))));
    let texts = |held: &str| {
        let mut lines: Vec<String> = held.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let from_mini = taken_in(folder.path(), "mini-again", &below(&target("mini"), ".traj.json"));
    assert_eq!(figures(&from_mini)[2..5], before[2..5]);
    assert_eq!(figures(&from_mini)[6], before[6]);
    let from_openhands = taken_in(folder.path(), "openhands-again", &below(&target("openhands"), "output.jsonl"));
    println!("from openhands: {:?}", figures(&from_openhands));
    assert_eq!(figures(&from_openhands)[5..], before[5..]);
    assert_eq!(texts(&held(again.folder())).len(), texts(&held(run.folder())).len());
}
