//! The agent as a user meets it: the program, a demo instance, scripted answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

const GOLD: &str = include_str!("../../../../envs/demo/instances/demo__lru-1/gold.patch");

/// Solves an instance with these answers; returns the folder, the line that was printed and what was said.
fn solve(turns: &Value) -> (TempDir, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.yaml"), json!({ "turns": turns }).to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bashonly"))
        .args(["solve", "demo__lru-1", "--run", "r", "-c", "model.provider=script", "-c", "model.path=script.yaml"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    (folder, printed, said)
}

fn bash(command: &str) -> Value {
    json!({ "calls": [{ "name": "bash", "arguments": { "command": command } }] })
}

fn finish() -> Value {
    json!({ "calls": [{ "name": "finish" }] })
}

#[test]
fn it_solves_an_instance_with_bash_alone() {
    let apply = format!("git apply <<'END'\n{GOLD}END");
    let (folder, report, said) =
        solve(&json!([bash("cat lru/cache.py"), { "content": "Hm." }, bash(&apply), finish()]));
    assert_eq!(report["resolved"], true, "{said}");
    let cell = folder.path().join(".runs/r/bashonly");
    let trajectory = std::fs::read_to_string(cell.join("demo__lru-1/trajectory.jsonl")).unwrap();
    assert!(trajectory.contains("Nothing was run: that answer contained no valid tool call"), "{trajectory}");
}

#[test]
fn it_gives_up_on_a_model_that_calls_nothing() {
    let (_folder, report, said) = solve(&json!([{ "content": "a" }, { "content": "b" }, { "content": "c" }, finish()]));
    assert_eq!(report["resolved"], false, "{said}");
    assert!(said.contains("idle"), "{said}");
}

#[test]
fn without_a_model_it_says_so_instead_of_replaying_another_agents_episode() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_bashonly"));
    let output = program.args(["solve", "demo__lru-1"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no model is configured") && said.contains("--model NAME"), "{said}");
}
