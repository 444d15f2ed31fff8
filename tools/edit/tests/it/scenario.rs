//! Runs the folders of `tests/scenarios`.
//!
//! A scenario is `input/` (the repository), `call.json` (one call or a list of them) or `patch.txt` (one call of
//! `apply_patch`), perhaps `config.json` (`editor`, `patch`), and what is to come of it: `expected/` and `output.txt`.
//! In a list, `{"bash": …}` runs a command and `{"patch": …}` is a call of `apply_patch`. The repository is at `/repo`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use edit::{ApplyPatch, EditorConfig, PatchConfig, StrReplaceEditor};
use serde_json::{Value, json};
use tool_core::{Command, Sandbox, Toolbox};

use crate::temp_sandbox::TempSandbox;
use crate::texts;

type Tree = BTreeMap<String, Vec<u8>>;

#[tokio::test]
async fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 40, "only {} scenarios", names.len());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut failures = Vec::new();
    for name in &names {
        let folder = folder.join(name);
        let (output, tree) = run(&folder).await;
        if update {
            fs::write(folder.join("output.txt"), &output).unwrap();
            let _ = fs::remove_dir_all(folder.join("expected"));
            write_tree(&folder.join("expected"), &tree);
            continue;
        }
        let expected = fs::read_to_string(folder.join("output.txt")).unwrap_or_default();
        if output != expected {
            failures.push(format!("{name}: output is\n{output}\ninstead of\n{expected}"));
        }
        let expected = read_tree(&folder.join("expected"));
        if tree != expected {
            failures.push(format!("{name}: tree is\n{}\ninstead of\n{}", show(&tree), show(&expected)));
        }
    }
    assert!(failures.is_empty(), "{}\n(UPDATE_EXPECT=1 accepts what came out)", failures.join("\n\n"));
}

async fn run(folder: &Path) -> (String, Tree) {
    let sandbox = TempSandbox::new();
    write_tree(sandbox.root(), &read_tree(&folder.join("input")));
    let config: Value = fs::read_to_string(folder.join("config.json"))
        .map_or_else(|_| json!({}), |text| serde_json::from_str(&text).unwrap());
    let part = |key: &str| config.get(key).cloned().unwrap_or_else(|| json!({}));
    let editor: EditorConfig = serde_json::from_value(part("editor")).unwrap();
    let patch: PatchConfig = serde_json::from_value(part("patch")).unwrap();
    let toolbox = Toolbox::default().with(StrReplaceEditor::new(editor)).with(ApplyPatch::new(patch));
    let mut output = String::new();
    for call in calls(folder, &sandbox.info().root) {
        let text = step(&toolbox, &sandbox, &call).await;
        output.push_str(&format!("=== {}\n{}", title(&call), text));
        if !text.ends_with('\n') {
            output.push_str("\n(no newline at the end)\n");
        }
    }
    let output = output.replace(&sandbox.info().root, "/repo").replace(&sandbox.info().scratch, "/scratch");
    (output, read_tree(sandbox.root()))
}

fn calls(folder: &Path, root: &str) -> Vec<Value> {
    if let Ok(patch) = fs::read_to_string(folder.join("patch.txt")) {
        return vec![json!({ "patch": patch.replace("/repo/", &format!("{root}/")) })];
    }
    let text = fs::read_to_string(folder.join("call.json")).unwrap();
    match serde_json::from_str(&text.replace("/repo", root)).unwrap() {
        Value::Array(calls) => calls,
        call => vec![call],
    }
}

async fn step(toolbox: &Toolbox, sandbox: &TempSandbox, call: &Value) -> String {
    if let Some(script) = call.get("bash") {
        return sandbox.exec(Command::new(script.as_str().unwrap())).await.unwrap().output;
    }
    let tool = if call.get("patch").is_some() { "apply_patch" } else { "str_replace_editor" };
    let texts = texts();
    match toolbox.call(tool, &call.to_string(), sandbox, &texts).await.map_err(|err| err.message(&texts)) {
        Ok(observation) => observation.text,
        Err(Ok(reason)) => format!("rejected: {reason}\n"),
        Err(Err(err)) => format!("sandbox: {err}\n"),
    }
}

fn title(call: &Value) -> String {
    let text = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match call.get("bash") {
        Some(_) => text("bash"),
        None if call.get("patch").is_some() => "apply_patch".to_owned(),
        None => format!("{} {}", text("command"), text("path")),
    }
}

fn read_tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_symlink() {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, fs::read(path).unwrap());
            }
        }
    }
    tree
}

fn write_tree(folder: &Path, tree: &Tree) {
    for (name, contents) in tree {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
}

fn show(tree: &Tree) -> String {
    tree.iter().map(|(name, contents)| format!("{name}: {}\n", contents.escape_ascii())).collect()
}
