//! Failures that are put into tests, where the tests and what they look at are known.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const WORD: &str = "qwertyuiopasdfgh";

/// Puts failures into a file, by Python alone.
fn put(folder: &Path, mode: &str, file: &str, more: &[&str]) -> Output {
    let task = serde_json::json!({ "mode": mode, "word": WORD, "key": "key", "files": [file] });
    fs::write(folder.join("control.json"), task.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/strict/control.py");
    let mut python = Command::new("python3");
    python.args(["-I", "-S"]).arg(script).arg("control.json").args(more).current_dir(folder).output().unwrap()
}

/// Puts failures into the cases, runs them, and returns what was changed and what came of each test.
fn control(folder: &Path) -> (String, Vec<String>) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["lib.py", "cases.py"] {
        fs::copy(sources.join("tests/it/controls").join(file), folder.join(file)).unwrap();
    }
    let python = |args: &[&str]| Command::new("python3").args(args).current_dir(folder).output().unwrap();
    let put = put(folder, "control", "cases.py", &[]);
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
    let compared = ["test_compared", "test_compared_from_the_right", "test_compared_in_a_call"];
    let forged = ["test_nothing_asserted", "test_probes_known", "test_swallowed"];
    assert_eq!(passed, [compared.as_slice(), &forged, &["test_turned"]].concat(), "{put}");
    assert!(outcomes.contains(&"Says FAIL".to_owned()), "the docstring is gone: {outcomes:?}");
    assert!(outcomes.iter().filter(|outcome| outcome.contains("qwertyuiopasdfgh0x")).count() >= 6, "{outcomes:?}");
}

#[test]
fn it_is_said_which_tests_were_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (put, _) = control(folder.path());
    let done = put.lines().find_map(|line| Some(line.split_once(" done ")?.1)).unwrap();
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
    for mode in ["canary", "control"] {
        assert!(put(folder.path(), mode, "data.py", &[]).status.success());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_file_is_read_as_it_says_and_left_out_where_no_python_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test_a.py");
    for mode in ["canary", "control"] {
        fs::write(&path, b"# coding: latin-1\ndef test_a():\n    assert '\xe9' != 'e'\n").unwrap();
        assert!(put(folder.path(), mode, "test_a.py", &[]).status.success());
        let compiled = Command::new("python3").args(["-m", "py_compile"]).arg(&path).output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        fs::write(&path, "def test_a():\n    print 'old'\n").unwrap();
        // Another Python may read it.
        assert!(!put(folder.path(), mode, "test_a.py", &[]).status.success());
        let left_out = put(folder.path(), mode, "test_a.py", &["skip"]);
        assert!(left_out.status.success() && String::from_utf8_lossy(&left_out.stdout).contains(" files\n"));
    }
}
