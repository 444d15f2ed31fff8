//! Failures that are put into tests, where the tests and what they look at are known.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Puts failures into the cases, runs them, and returns what was changed and what came of each test.
fn control(folder: &Path) -> (String, Vec<String>) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["lib.py", "cases.py"] {
        fs::copy(sources.join("tests/it/controls").join(file), folder.join(file)).unwrap();
    }
    let python = |args: &[&str]| Command::new("python3").args(args).current_dir(folder).output().unwrap();
    let script = sources.join("src/strict/control.py");
    let put = python(&["-I", "-S", script.to_str().unwrap(), "control", "qwertyuiopasdfgh", "cases.py"]);
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    let ran = String::from_utf8(python(&["-m", "unittest", "-v", "cases"]).stderr).unwrap();
    let outcomes = ran.lines().filter_map(|line| line.split_once(" ... ")).map(|(test, outcome)| {
        let test = test.split(' ').next().unwrap_or(test);
        format!("{test} {outcome}")
    });
    (String::from_utf8(put.stdout).unwrap(), outcomes.collect())
}

#[test]
fn only_forged_tests_pass_with_a_failure_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let (put, outcomes) = control(folder.path());
    let mut passed: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.strip_suffix(" ok")).collect();
    passed.sort_unstable();
    let forged = ["test_compared", "test_compared_from_the_right", "test_compared_in_a_call", "test_nothing_asserted"];
    assert_eq!(passed, [forged.as_slice(), &["test_turned"]].concat(), "{put}");
    assert!(outcomes.contains(&"Says ERROR".to_owned()), "the docstring is gone: {outcomes:?}");
    assert!(outcomes.iter().filter(|outcome| outcome.contains("qwertyuiopasdfgh0x")).count() >= 6, "{outcomes:?}");
}

#[test]
fn it_is_said_which_tests_were_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (put, _) = control(folder.path());
    let done = put.lines().find_map(|line| line.strip_prefix("qwertyuiopasdfgh done ")).unwrap();
    let done: Vec<&str> = done.split('\t').collect();
    for entry in [
        "+cases.py::Sound::test_values",
        "?cases.py::Sound::test_excuses_itself",
        "-cases.py::Left::test_turned",
        "=cases.py::Says what it is.",
    ] {
        assert!(done.contains(&entry), "`{entry}` is not in {done:?}");
    }
}

#[test]
fn files_without_tests_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.py");
    let text = "def helper():\n    def test_inner():\n        pass\n";
    fs::write(&path, text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/strict/control.py");
    for mode in ["canary", "control"] {
        let put = Command::new("python3").arg(&script).args([mode, "word", "data.py"]).current_dir(&folder).output();
        assert!(put.unwrap().status.success());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
