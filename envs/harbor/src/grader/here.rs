//! The machine that the grader runs on, as a sandbox: commands are its own children.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tool_core::{Command, ExecEnd, ExecOutput, FileError, Sandbox, SandboxError, SandboxInfo};

use super::leftover::end_all;

/// The largest patch that is applied, as in the project's own sandboxes by default.
pub(super) const MAX_FILE: u64 = 64 << 20;
/// Bytes of a command's output that are kept.
const MAX_OUTPUT: u64 = 1 << 20;
/// How long a command may take that says nothing of it.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The machine that the grader runs on.
pub(crate) struct Here {
    info: SandboxInfo,
    startup: String,
}

impl Here {
    /// Returns the sandbox around a repository, with a folder for files of the grader's own.
    pub(crate) fn new(root: &Path, scratch: &Path, startup: &str) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let info = SandboxInfo {
            provider: "here",
            id: String::new(),
            root: text(root),
            scratch: text(scratch),
            isolated: true,
            max_file: MAX_FILE,
        };
        Self { info, startup: startup.to_owned() }
    }

    /// Runs a script by bash in the repository until its end or its time is up; nothing that it started is left. Its
    /// output goes to `output`.
    ///
    /// # Errors
    /// When it cannot be run, or what it started cannot be ended.
    pub(crate) fn run(&self, script: &str, timeout: Duration, output: &File) -> std::io::Result<ExecEnd> {
        let mut child = process::Command::new("/bin/bash")
            .arg("-c")
            .arg(format!("{}\n{script}", self.startup))
            .current_dir(&self.info.root)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .process_group(0)
            .spawn()?;
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(1));
        let end = loop {
            if let Some(status) = child.try_wait()? {
                break ExecEnd::Exited(exit_code(status));
            }
            if begun.elapsed() >= timeout {
                break ExecEnd::TimedOut(timeout);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        if end_all() { Ok(end) } else { Err(std::io::Error::other("processes that were started cannot be ended")) }
    }

    fn path(&self, path: &str) -> PathBuf {
        Path::new(&self.info.root).join(path)
    }
}

/// Returns the exit code of a process as a shell tells it.
fn exit_code(status: process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[async_trait]
impl Sandbox for Here {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let failed = |err: std::io::Error| SandboxError::Lost(format!("a command cannot be run: {err}"));
        let begun = Instant::now();
        let mut file = tempfile::tempfile().map_err(failed)?;
        let end = self.run(&command.script, command.timeout.unwrap_or(TIMEOUT), &file).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        file.rewind().map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MAX_OUTPUT).read_to_end(&mut bytes).map_err(failed)?;
        let output = ExecOutput::new(String::from_utf8_lossy(&bytes), end, "", begun.elapsed());
        Ok(ExecOutput { omitted: size.saturating_sub(bytes.len() as u64), ..output })
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        fs::read(self.path(path)).map_err(|err| FileError::of(path, &err))
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        let full = self.path(path);
        fs::write(&full, contents).map_err(|err| FileError::of(path, &err))?;
        let Some(mode) = mode else { return Ok(()) };
        fs::set_permissions(&full, fs::Permissions::from_mode(mode)).map_err(|err| FileError::of(path, &err))
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        if end_all() { Ok(()) } else { Err(SandboxError::Lost("processes cannot be ended".to_owned())) }
    }
}
