//! The agent as a user meets it: the program, the demo instances, no model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use serde_json::Value;

#[test]
fn every_demo_instance_is_solved_with_no_model_configured() {
    for id in ["demo__durations-1", "demo__lru-1", "demo__tables-1"] {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_moatless"));
            command.args(arguments).current_dir(folder.path()).env("HOME", folder.path()).output().unwrap()
        };
        let output = run(&["solve", id, "--run", "r"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&printed["instance_id"], &printed["resolved"]), (&id.into(), &true.into()), "{said}");
        // Each state begins a conversation of its own, and is told of.
        assert!(said.contains("SearchCode") && said.contains("EditCode"), "{said}");
        let patch = std::fs::read_to_string(folder.path().join(format!(".runs/r/moatless/{id}/patch.diff"))).unwrap();
        assert!(patch.starts_with("diff --git "), "{patch}");
        let replayed = run(&["replay", &format!("r/{id}")]);
        let said = String::from_utf8(replayed.stderr).unwrap();
        let printed: Value = serde_json::from_slice(&replayed.stdout).unwrap();
        assert!(replayed.status.success() && printed["equal"] == true, "{printed} {said}");
        // Halfway through its states, and on with what was recorded of the rest.
        let half = (printed["steps"].as_u64().unwrap() / 2).to_string();
        let branched = run(&["replay", "r", "--from-step", &half, "--run", "half"]);
        let said = String::from_utf8(branched.stderr).unwrap();
        let printed: Value = serde_json::from_slice(&branched.stdout).unwrap();
        assert!(printed["resolved"] == true && !said.contains("the rest of the record is not used"), "{said}");
        let path = folder.path().join(format!(".runs/half/moatless/{id}/trajectory.jsonl"));
        let record = std::fs::read_to_string(path).unwrap();
        assert!(record.contains("\"restored\":true") && record.contains(&format!("\"step\":{half}}}")), "{record}");
    }
}
