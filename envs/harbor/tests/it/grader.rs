//! The grader by itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

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

/// Runs the grader on a task whose tests are `script`, in which `VERIFIER` stands for the folder of what is written.
fn judged_by(script: &str) -> (Output, Value, tempfile::TempDir) {
    let out = exported(false);
    let task = out.path().join("demo__lru-1");
    let (root, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(logs.path().join("artifacts")).unwrap();
    fs::write(logs.path().join("artifacts/model.patch"), "").unwrap();
    let verifier = logs.path().join("verifier").display().to_string();
    fs::write(task.join("tests/eval.sh"), script.replace("VERIFIER", &verifier)).unwrap();
    let (output, reward) = judged(&task, root.path(), logs.path());
    (output, reward, logs)
}

#[test]
fn tests_that_end_the_grader_leave_a_reward_of_0() {
    // The grader is found by its name: nothing else may be hit, whichever shells stand in between.
    let (output, reward, _) = judged_by(
        "at=$PPID\nwhile [ \"$at\" -gt 1 ] && [ \"$(cat /proc/$at/comm)\" != spotter-grader ]; do\n    \
         at=$(sed 's/.*) //' /proc/$at/stat | cut -d ' ' -f 2)\ndone\n[ \"$at\" -gt 1 ] && kill -KILL $at\nsleep 1\n",
    );
    assert!(!output.status.success() && output.status.code().is_none(), "{output:?}");
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
}

#[test]
fn a_reward_does_not_depend_on_what_else_can_be_written() {
    // Whatever takes the place of the folder is removed; nothing is written elsewhere.
    let (output, reward, _) = judged_by("rm -rf VERIFIER; mkdir VERIFIER.2; ln -s VERIFIER.2 VERIFIER\n");
    assert!(output.status.success());
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
    let (_, reward, _) = judged_by("rm -rf VERIFIER; echo > VERIFIER\n");
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
}

#[test]
fn of_too_long_a_log_the_middle_is_left_out() {
    let (_, reward, logs) = judged_by("echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo last\n");
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
    let log = fs::read(logs.path().join("verifier/test_output.txt")).unwrap();
    let kept = 64 << 20;
    assert!((kept..kept + 4096).contains(&log.len()), "{}", log.len());
    let holds = |part: &[u8]| log.windows(part.len()).any(|window| window == part);
    assert!(holds(b"first\n") && holds(b" bytes left out ...]") && log.ends_with(b"last\n"));
}

#[test]
fn a_patch_that_is_too_large_or_no_file_is_unresolved() {
    let out = exported(false);
    let task = out.path().join("demo__lru-1");
    let (root, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(logs.path().join("artifacts")).unwrap();
    let patch = logs.path().join("artifacts/model.patch");
    let report = || fs::read_to_string(logs.path().join("verifier/report.json")).unwrap();

    fs::File::create(&patch).unwrap().set_len((64 << 20) + 1).unwrap();
    let (_, reward) = judged(&task, root.path(), logs.path());
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
    assert!(report().contains("patch_not_applied"), "{}", report());

    // Reading it would wait for a writer for ever.
    fs::remove_file(&patch).unwrap();
    assert!(Command::new("mkfifo").arg(&patch).status().unwrap().success());
    let child = Command::new(GRADER).arg(task.join("tests")).arg(logs.path()).arg(root.path()).spawn().unwrap();
    let (send, ended) = std::sync::mpsc::channel();
    let id = child.id();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let in_time = ended.recv_timeout(Duration::from_secs(20));
    if in_time.is_err() {
        Command::new("kill").arg(id.to_string()).status().unwrap();
    }
    assert!(in_time.unwrap().unwrap().status.success());
    assert!(report().contains("empty_patch"), "{}", report());
}

#[test]
fn what_starts_itself_anew_is_ended() {
    // Each process starts the next one and ends, in a group of its own; at last of itself, if nothing ends it.
    let (_, reward, logs) = judged_by(
        "cat > VERIFIER/walk.py <<'END'\nimport os, time\nend = time.time() + 30\nwhile time.time() < end:\n    if \
         os.fork():\n        os._exit(0)\n    os.setsid()\n    open('VERIFIER/alive', 'w').close()\nEND\n\
         for i in 1 2 3 4; do python3 VERIFIER/walk.py & done\nfor i in $(seq 100); do test -e VERIFIER/alive && break; sleep 0.1; done\n\
         test -e VERIFIER/alive && echo walked\n",
    );
    assert_eq!(reward.to_string(), r#"{"reward":0}"#);
    let log = fs::read_to_string(logs.path().join("verifier/test_output.txt")).unwrap();
    assert!(log.contains("walked") && !log.contains("cannot be ended"), "{log}");
    let alive = logs.path().join("verifier/alive");
    fs::remove_file(&alive).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(!alive.exists());
}
