//! The loaders of others, by a Python that has their packages.

use std::path::Path;
use std::process::Command;

use crate::round_trip::exported;

#[test]
#[ignore = "needs SPOTTER_CLIENTS"]
fn the_loaders_of_others_read_the_folders() {
    let python = Path::new(&std::env::var_os("SPOTTER_CLIENTS").unwrap()).join("harbor/bin/python");
    let script = format!("{}/tests/clients/tasks.py", env!("CARGO_MANIFEST_DIR"));
    let out = exported(true);
    let output = Command::new(python).arg(script).arg(out.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("3 tasks are read by harbor"), "{told}");
    assert!(told.contains("3 tasks are listed by verifiers"), "`verifiers` is not installed: {told}");
}
