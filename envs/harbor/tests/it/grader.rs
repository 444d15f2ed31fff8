//! The grader by itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::round_trip::{GRADER, exported};

/// Runs the grader on a task with what `prepare` puts into the folder of logs.
fn judged(task: &Path, root: &Path, logs: &Path) -> (Output, Value) {
    let output = Command::new(GRADER).arg(task.join("tests")).arg(logs).arg(root).output().unwrap();
    let reward = fs::read_to_string(logs.join("verifier/reward.json")).unwrap();
    (output, serde_json::from_str(&reward).unwrap())
}

#[test]
fn there_is_always_a_reward_and_infrastructure_is_told_apart() {
    let out = exported(false);
    let task = out.path().join("demo__lru-1");
    let (root, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    // Without a patch nothing is run.
    let (output, reward) = judged(&task, root.path(), logs.path());
    assert!(output.status.success());
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
    let report = fs::read_to_string(logs.path().join("verifier/report.json")).unwrap();
    assert!(report.contains(r#""patch_is_None": true"#) && report.contains("empty_patch"), "{report}");

    // What was collected may be anything.
    fs::create_dir_all(logs.path().join("artifacts")).unwrap();
    fs::write(logs.path().join("artifacts/model.patch"), b"\xff\xfe").unwrap();
    let (_, reward) = judged(&task, root.path(), logs.path());
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);

    // A repository that is not there is not the patch's doing.
    let gone = root.path().join("gone");
    let (output, reward) = judged(&task, &gone, logs.path());
    assert!(!output.status.success());
    assert_eq!(reward.to_string(), r#"{"reward":0,"infrastructure":1}"#);
    let report = fs::read_to_string(logs.path().join("verifier/report.json")).unwrap();
    assert!(report.contains("bash cannot be run in"), "{report}");

    fs::write(task.join("tests/grading.json"), "{").unwrap();
    let (_, reward) = judged(&task, root.path(), logs.path());
    assert_eq!(reward.to_string(), r#"{"reward":0,"infrastructure":1}"#);
}

#[test]
fn what_the_tests_leave_running_cannot_write_the_reward() {
    let out = exported(false);
    let task = out.path().join("demo__lru-1");
    let (root, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let reward = logs.path().join("verifier/reward.json");
    fs::create_dir_all(logs.path().join("artifacts")).unwrap();
    fs::create_dir_all(logs.path().join("verifier")).unwrap();
    fs::write(logs.path().join("artifacts/model.patch"), "").unwrap();
    // A writer in a session of its own, whose parent is gone, and a link where the reward will be.
    let elsewhere = root.path().join("elsewhere");
    let script = format!(
        "(setsid bash -c 'for i in $(seq 300); do echo \"{{\\\"reward\\\": 1}}\" > {0}; sleep 0.01; done' &) \n\
         ln -sf {1} {0}\nsleep 0.1\n",
        reward.display(),
        elsewhere.display()
    );
    fs::write(task.join("tests/eval.sh"), script).unwrap();
    let (_, said) = judged(&task, root.path(), logs.path());
    assert_eq!(said["reward"], 0);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(fs::read_to_string(&reward).unwrap().trim(), r#"{"reward":0}"#);
    assert!(!fs::symlink_metadata(&reward).unwrap().is_symlink());
}
