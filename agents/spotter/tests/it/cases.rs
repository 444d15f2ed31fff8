//! Instances to run the program on, with what their verdicts must be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{Program, Ran};

/// An instance with its row.
pub(crate) struct Case {
    pub(crate) id: String,
    /// Layers of configuration that name its dataset.
    pub(crate) layers: Vec<String>,
    pub(crate) patch: String,
    pub(crate) issue: String,
    /// How many tests there are of FAIL_TO_PASS and PASS_TO_PASS, all of which a solution passes.
    counts: [(&'static str, usize); 2],
}

const LISTS: [&str; 2] = ["FAIL_TO_PASS", "PASS_TO_PASS"];

/// The datasets that are made of the registry instances.
pub(crate) const DATASETS: [&str; 2] = ["swe-bench", "swe-gym"];

/// Returns the folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the folder of what was made beside the images of the registry instances.
pub(crate) fn registry() -> PathBuf {
    root().join(".runs/registry")
}

/// Returns the instances that ship with the project.
pub(crate) fn demo() -> Vec<Case> {
    let folders = fs::read_dir(root().join("envs/demo/instances")).unwrap();
    let mut cases: Vec<Case> = folders.map(|folder| demo_case(&folder.unwrap().path())).collect();
    cases.sort_by(|one, other| one.id.cmp(&other.id));
    assert!(cases.len() >= 3, "only {} instances ship with the project", cases.len());
    cases
}

fn demo_case(folder: &Path) -> Case {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let row = serde_json::from_str(&read("instance.json")).unwrap();
    let layers = vec!["env.dataset=demo".to_owned()];
    Case { patch: read("gold.patch"), issue: read("problem_statement.md"), ..Case::of(&row, layers) }
}

/// Returns the registry instances whose images are there, with their datasets; panics where there is none.
pub(crate) fn of_registry() -> Vec<(&'static str, Case)> {
    let mut cases = Vec::new();
    for dataset in DATASETS {
        let rows = registry().join(dataset).with_extension("jsonl");
        for row in fs::read_to_string(&rows).unwrap_or_default().lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            let image = Command::new("docker").args(["image", "inspect", row["image"].as_str().unwrap()]).output();
            if image.is_ok_and(|inspected| inspected.status.success()) {
                cases.push((dataset, Case::of(&row, layers(dataset))));
            }
        }
    }
    assert!(!cases.is_empty(), "needs registry images: run tests/registry/build_images.py");
    cases
}

/// Returns the layers of configuration that name a dataset of registry instances.
pub(crate) fn layers(dataset: &str) -> Vec<String> {
    let file = registry().join(dataset);
    // The layer names the rows from the root, which is not where the program runs.
    vec![
        file.with_extension("yaml").display().to_string(),
        format!("env.dataset={}", file.with_extension("jsonl").display()),
    ]
}

/// Returns the program for registry instances. Its runs share what is kept of their code.
pub(crate) fn program_of_registry() -> Program {
    Program::new().with("XDG_CACHE_HOME", registry().join("cache"))
}

impl Case {
    fn of(row: &Value, layers: Vec<String>) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let counts = LISTS.map(|name| (name, count(&row[name])));
        Self { id: text("instance_id"), layers, patch: text("patch"), issue: text("problem_statement"), counts }
    }

    /// Returns the arguments of a command on the instance in a run of its own, which prints the report.
    pub(crate) fn arguments(&self, run: &str, command: &[&str], settings: &[String]) -> Vec<String> {
        let mut all: Vec<String> = command.iter().map(ToString::to_string).collect();
        all.extend([self.id.as_str(), "--run", run, "--reports"].map(str::to_owned));
        all.extend(self.layers.iter().chain(settings).flat_map(|layer| ["-c".to_owned(), layer.clone()]));
        all
    }

    /// Runs a command on the instance in a run of its own, and returns what was printed: its report.
    pub(crate) fn run(&self, program: &Program, run: &str, command: &[&str], settings: &[String]) -> Ran {
        program.run(&self.arguments(run, command, settings))
    }

    /// Says what is wrong with the verdict on an episode that must solve the instance.
    pub(crate) fn check_solved(&self, ran: &Ran) -> Result<(), String> {
        let report = ran.report(&self.id).ok_or_else(|| format!("{}: no verdict: {ran:?}", self.id))?;
        let found = self.counts.map(|(name, _)| {
            let tests = &report["tests_status"][name];
            (name, [count(&tests["success"]), count(&tests["failure"])])
        });
        let wanted = self.counts.map(|(name, count)| (name, [count, 0]));
        let is_right = report["resolved"] == true && found == wanted;
        let wrong = || format!("{}: resolved {}, {found:?} for {wanted:?}", self.id, report["resolved"]);
        is_right.then_some(()).ok_or_else(wrong)
    }
}

/// Returns how many tests a list has, which some datasets write as text.
fn count(list: &Value) -> usize {
    let list = list.as_str().map_or_else(|| list.clone(), |text| serde_json::from_str(text).unwrap());
    list.as_array().map(Vec::len).unwrap_or_else(|| panic!("`{list}` is no list of tests"))
}
