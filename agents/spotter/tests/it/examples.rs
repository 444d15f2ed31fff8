//! The examples run as a user runs them.

use std::path::Path;
use std::process::{Command, Output};

/// Runs an example in a folder of its own; returns what it put out, which must be a success.
fn run(folder: &Path, example: &str, arguments: &[&str]) -> (String, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_spotter")).parent().unwrap().join("examples").join(example);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_remove("OPENAI_API_KEY").env("HOME", folder);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{out}\n{err}");
    (out, err)
}

#[test]
fn an_environment_poses_and_judges() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = run(folder.path(), "environment", &["evaluate", "--predictions", "gold", "--dataset", "sums"]);
    assert!(out.contains(r#""instance_id":"sums__two-1","resolved":true"#), "{out}");
    let (out, _) = run(folder.path(), "environment", &["instances", "--dataset", "sums"]);
    assert_eq!(out, "sums__two-1\n");
}

#[test]
fn a_provider_carries_an_episode_and_its_judging() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = run(folder.path(), "provider", &["solve", "demo__lru-1", "-c", "sandbox.provider=folder"]);
    assert!(out.contains(r#""resolved":true"#), "{out}\n{err}");
    // It names what other programs have left on this machine, and nothing of this one.
    let (out, _) = run(folder.path(), "provider", &["clean"]);
    assert!(!out.contains(&*folder.path().to_string_lossy()), "{out}");
}

#[test]
fn a_tool_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let script = "turns:\n- calls: [{name: count_lines, arguments: {path: lru.py}}]\n\
        - calls: [{name: count_lines, arguments: {path: no.py}}]\n- calls: [{name: finish}]\n";
    std::fs::write(folder.path().join("script.yaml"), script).unwrap();
    let settings = ["-c", "model.provider=script", "-c", "model.path=script.yaml", "-c", "evaluate=false"];
    run(folder.path(), "tool", &[&["solve", "demo__lru-1", "--run", "r"], &settings[..]].concat());
    let trajectory = folder.path().join(".runs/r/counting/demo__lru-1/trajectory.jsonl");
    let trajectory = std::fs::read_to_string(trajectory).unwrap();
    let shown: Vec<&str> = trajectory.lines().filter(|line| line.starts_with(r#"{"type":"observation""#)).collect();
    assert_eq!(shown.len(), 3, "{trajectory}");
    assert!(shown[0].contains(r#""name":"count_lines""#) && shown[0].contains(r#""text":""#), "{}", shown[0]);
    assert!(shown[1].contains("no such file or directory: `no.py`"), "{}", shown[1]);
}
