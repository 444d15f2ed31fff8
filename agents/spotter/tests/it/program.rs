//! The program in a folder of its own.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

/// The program in a folder of its own.
pub(crate) struct Program {
    folder: TempDir,
    variables: Vec<(String, PathBuf)>,
    runs: AtomicUsize,
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), runs: AtomicUsize::new(0) }
    }

    /// Sets a variable to a path.
    pub(crate) fn with(mut self, name: &str, value: PathBuf) -> Self {
        self.variables.push((name.to_owned(), value));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a name for a run that no other of this machine has.
    pub(crate) fn free_run(&self) -> String {
        format!("test-{}-{}", self.folder.path().file_name().unwrap().display(), self.runs.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the program with these arguments, not yet started. It has neither keys nor settings of this machine.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spotter"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        let kept = std::env::vars_os().filter(|(name, _)| name == "PATH" || name.to_string_lossy().starts_with("DOCKER_"));
        command.envs(kept).envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Returns the report of an instance, of those that `--reports` prints; `None` without a verdict.
    pub(crate) fn report(&self, id: &str) -> Option<Value> {
        let reports: Value = serde_json::from_str(&self.stdout).ok()?;
        reports.get(id).filter(|report| report.is_object() && self.code == Some(0)).cloned()
    }
}
