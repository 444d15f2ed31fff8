//! The program on real instances.

mod audit;
mod evaluate;
mod images;
mod killed;
mod solve;
mod trials;

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::cases::{self, Case, layers};
use crate::program::{Program, Ran};

/// The instances of one dataset whose images are there.
struct Dataset {
    name: &'static str,
    cases: Vec<Case>,
}

impl Dataset {
    /// Returns those of which there are any.
    fn all() -> Vec<Self> {
        let mut datasets: Vec<Self> = Vec::new();
        for (name, case) in cases::of_registry() {
            match datasets.last_mut().filter(|last| last.name == name) {
                Some(last) => last.cases.push(case),
                None => datasets.push(Self { name, cases: vec![case] }),
            }
        }
        datasets
    }

    /// Returns the arguments of a command on all instances.
    fn arguments(&self, command: &[&str], run: &str) -> Vec<String> {
        let mut all: Vec<String> = command.iter().map(ToString::to_string).collect();
        all.extend(self.cases.iter().map(|case| case.id.clone()));
        all.extend(["--run", run, "--workers", "2"].map(str::to_owned));
        all.extend(layers(self.name).into_iter().flat_map(|layer| ["-c".to_owned(), layer]));
        all
    }

    /// Runs a command on all instances.
    fn run(&self, program: &Program, command: &[&str], run: &str) -> Ran {
        program.run(&self.arguments(command, run))
    }
}

/// Returns the containers of a run; other programs may have some of their own at the same time.
fn containers(run: &str) -> Vec<String> {
    let label = format!("label=spotter.run={run}");
    let output = Command::new("docker").args(["ps", "-aq", "--filter", &label]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Returns what a validation found, an instance a line.
fn validated(program: &Program, run: &str) -> Vec<Value> {
    let lines = fs::read_to_string(program.path(&format!(".runs/{run}/validate/validation.jsonl"))).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that FAIL_TO_PASS was found as it is in the row.
fn check_turned(validated: &Value) {
    let differences = validated["differences"]["FAIL_TO_PASS"].as_object();
    let differences = differences.unwrap_or_else(|| panic!("FAIL_TO_PASS is not compared: {validated}"));
    let is_same = differences.values().all(|tests| tests.as_array().is_some_and(Vec::is_empty));
    assert!(is_same, "FAIL_TO_PASS is not as in the row: {validated}");
}
