//! What fuzzing checks, on the committed corpus: `tests/fuzz/corpus/<target>/<file>`.

use std::path::{Path, PathBuf};

#[allow(unreachable_pub, reason = "in a crate of its own it is reached")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// Runs a target on every file of its corpus; a panic names the file.
fn check(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{} files in the corpus of `{name}`", files.len());
    let mut broken = Vec::new();
    for file in files {
        let data = std::fs::read(&file).unwrap();
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            broken.push(file);
        }
    }
    assert!(broken.is_empty(), "what must hold for any input does not for {broken:?}");
}

#[test]
fn logs_of_the_corpus() {
    check("logs", fuzz::logs);
}

#[test]
fn patches_of_the_corpus() {
    check("patches", fuzz::patches);
}

#[test]
fn rows_of_the_corpus() {
    check("rows", fuzz::rows);
}
