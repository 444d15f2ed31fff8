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
    /// Whether it has the user's own variables.
    is_of_user: bool,
    runs: AtomicUsize,
}

/// What a run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, variables: Vec::new(), is_of_user: false, runs: AtomicUsize::new(0) }
    }

    /// Returns it with the user's own variables, which lead to mirrors and package indexes.
    pub(crate) fn of_user() -> Self {
        Self { is_of_user: true, ..Self::new() }
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
        format!(
            "test-{}-{}",
            self.folder.path().file_name().unwrap().display(),
            self.runs.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Returns the program with these arguments, not yet started. It has neither keys nor settings of this machine, unless
    /// it is the user's.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spotter"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        if !self.is_of_user {
            let is_kept = |name: &OsStr| name == "PATH" || name.to_string_lossy().starts_with("DOCKER_");
            command.env_clear().env("HOME", self.folder.path());
            command.envs(std::env::vars_os().filter(|(name, _)| is_kept(name)));
        }
        command.envs(self.variables.iter().cloned());
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

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
