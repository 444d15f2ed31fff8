//! `view` on a sweep of the demo.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::Program;

const SWEEP: &str = "name: two\ninstances:\n  dataset: demo\nsamples: 2\nworkers: 3\n";

/// Returns the program with a run of two samples of each demo instance.
fn swept() -> Program {
    let program = Program::new();
    fs::write(program.path("two.yaml"), SWEEP).unwrap();
    let ran = program.run(&["sweep", "two.yaml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    program
}

#[test]
fn a_run_becomes_one_file_and_what_cannot_be_is_told() {
    let program = swept();
    let ran = program.run(&["view", "two"]);
    assert!(ran.code == Some(0) && ran.stdout.is_empty() && ran.stderr.contains("6 episodes"), "{ran:?}");
    let page = fs::read(program.path("two.html")).unwrap();
    assert!(page.starts_with(b"<!DOCTYPE html>") && page.len() < 150_000, "{}", page.len());
    for (arguments, expected) in [
        (vec!["view", "tow"], "did you mean `two`?"),
        (vec!["view", "two", "-o", "."], "hint: `-o FILE.html`"),
        (vec!["view", "two", "--cell", "codeakt"], "has a cell `codeakt`"),
        (vec!["view", "two", "-o", "none/page.html"], "cannot write in `none`"),
        (vec!["view", "two", "--dataset", "missing.jsonl"], "cannot read the dataset `missing.jsonl`"),
    ] {
        let ran = program.run(&arguments);
        assert!(ran.code != Some(0) && ran.stderr.contains(expected), "{arguments:?}: {ran:?}");
    }
}

/// Runs a script of the viewer's browser tests, and prints what it measured.
fn browse(script: &str, arguments: &[&OsStr]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../viewer/tests/browser").join(script);
    let output = Command::new("python3").arg(script).args(arguments).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{told}");
    assert!(output.status.success(), "{told}");
}

#[test]
#[ignore = "needs Chromium"]
fn a_newcomer_walks_through_the_page() {
    let program = swept();
    let ran = program.run(&["view", "two"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    browse("walk.py", &[program.path("two.html").as_os_str(), program.path("shots").as_os_str()]);
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_follows_a_sweep_that_is_killed_and_begun_again() {
    let program = Program::new();
    let sweep = SWEEP.replace("name: two", "name: big").replace("samples: 2", "samples: 8");
    fs::write(program.path("big.yaml"), sweep).unwrap();
    let folder = program.path("");
    browse("live.py", &[OsStr::new(env!("CARGO_BIN_EXE_spotter")), folder.as_os_str(), OsStr::new("24")]);
}
