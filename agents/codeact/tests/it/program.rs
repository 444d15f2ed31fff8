//! Runs the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program in a folder of its own, with a clean environment.
pub(crate) struct Program {
    pub(crate) folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The folder that it ran in.
    folder: PathBuf,
}

/// Panics where there is no Docker engine that has this image.
pub(crate) fn require(image: &str) {
    let output = Command::new("docker").args(["image", "inspect", image]).output();
    let output = output.unwrap_or_else(|err| panic!("needs Docker, whose client does not start: {err}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "needs Docker, and an image that tests/registry/build_images.py makes: {said}");
}

impl Program {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, variables: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the folder in which the program makes its temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Returns the program with its folder and variables, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codeact"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command.env("TMPDIR", self.temporary()).envs(self.variables.iter().cloned());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.start(arguments).wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let folder = self.folder.path().to_owned();
        Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr), folder }
    }

    /// Returns the files of this name in all run folders.
    pub(crate) fn found(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.path(".runs"), name, &mut found);
        found
    }
}

impl Ran {
    /// Returns the line on an instance; panics with all that was said when there is none.
    pub(crate) fn line(&self, instance_id: &str) -> Value {
        let mut lines = self.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["instance_id"] == instance_id).unwrap_or_else(|| panic!("no line: {self:?}"))
    }

    /// Returns the report in the folder of an instance that a line is on; `null` when it has none.
    pub(crate) fn report(&self, instance_id: &str) -> Value {
        let line = self.line(instance_id);
        let path = self.folder.join(line["folder"].as_str().unwrap()).join("report.json");
        let Ok(text) = std::fs::read_to_string(path) else { return Value::Null };
        serde_json::from_str::<Value>(&text).unwrap()[instance_id].clone()
    }

    /// Returns the report of an instance from the object of reports that was printed.
    pub(crate) fn printed_report(&self, instance_id: &str) -> Value {
        let reports: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|err| panic!("{err}: {self:?}"));
        reports.get(instance_id).unwrap_or_else(|| panic!("no report of {instance_id}: {self:?}")).clone()
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

fn collect(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, name, found);
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
}
