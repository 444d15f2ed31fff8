//! A small real sandbox for tests: bash over a temporary folder.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tool_core::{Command, ExecEnd, ExecOutput, FileError, Sandbox, SandboxError, SandboxInfo, Shell, shell_quote};

/// Bash over a temporary folder. The persistent shell is played by a shell that loads what the last one exported.
pub(crate) struct BashSandbox {
    folder: tempfile::TempDir,
    info: SandboxInfo,
}

impl BashSandbox {
    /// Makes a sandbox with an empty repository folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Without symbolic links, so that paths printed by git compare equal.
        let path = folder.path().canonicalize().expect("the folder exists");
        let (root, scratch) = (path.join("repo"), path.join("scratch"));
        std::fs::create_dir_all(&root).expect("a repository folder");
        std::fs::create_dir_all(&scratch).expect("a scratch folder");
        let info = SandboxInfo {
            provider: "bash",
            id: path.display().to_string(),
            root: root.display().to_string(),
            scratch: scratch.display().to_string(),
            isolated: true,
            max_file: 64 << 20,
        };
        Self { folder, info }
    }

    /// Makes a sandbox that holds what this one holds.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for folder in ["repo", "scratch"] {
            let [from, to] = [&self, &&copy].map(|sandbox| sandbox.folder.path().join(folder));
            let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
            assert!(status.expect("cp runs").success(), "cp failed");
        }
        copy
    }

    /// Sets the cap on file sizes.
    pub(crate) fn with_max_file(mut self, bytes: u64) -> Self {
        self.info.max_file = bytes;
        self
    }

    /// Says that the sandbox does not keep commands away from the host.
    pub(crate) fn not_isolated(mut self) -> Self {
        self.info.isolated = false;
        self
    }

    /// Runs a script in the persistent shell and returns its output; panics when it fails.
    pub(crate) async fn run(&self, script: &str) -> String {
        let output = self.exec(Command::new(script)).await.expect("bash runs");
        assert!(output.success(), "`{script}` ended {:?}:\n{}", output.end, output.output);
        output.output
    }

    /// Runs a script in the persistent shell and returns whether it ended with 0, and its output.
    pub(crate) async fn try_run(&self, script: &str) -> (bool, String) {
        let output = self.exec(Command::new(script)).await.expect("bash runs");
        (output.success(), output.output)
    }

    fn absolute(&self, path: &str) -> PathBuf {
        Path::new(&self.info.root).join(path)
    }
}

#[async_trait]
impl Sandbox for BashSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let lost = |err: std::io::Error| SandboxError::Lost(err.to_string());
        let state = shell_quote(&self.folder.path().join("state").display().to_string());
        let script = match command.shell {
            Shell::Fresh => command.script,
            Shell::Persistent => format!(
                "state={state}\n[ -e \"$state\" ] && . \"$state\"\n\
                 trap '{{ export -p; printf \"cd %q\\n\" \"$PWD\"; }} > \"$state\"' EXIT\n{}",
                command.script
            ),
        };
        let file = self.folder.path().join("script");
        std::fs::write(&file, script).map_err(lost)?;
        let started = Instant::now();
        let mut child = tokio::process::Command::new("/bin/bash")
            .arg("-c")
            .arg(format!("exec 2>&1; . {}", file.display()))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .current_dir(if Path::new(&self.info.root).is_dir() { &self.info.root } else { "/" })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(lost)?;
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut bytes = Vec::new();
        let limit = command.timeout.unwrap_or(Duration::from_secs(120));
        let end = match tokio::time::timeout(limit, stdout.read_to_end(&mut bytes)).await {
            Ok(read) => {
                read.map_err(lost)?;
                ExecEnd::Exited(child.wait().await.map_err(lost)?.code().unwrap_or(137))
            }
            Err(_) => {
                child.kill().await.map_err(lost)?;
                ExecEnd::TimedOut(limit)
            }
        };
        Ok(ExecOutput::new(String::from_utf8_lossy(&bytes), end, "", started.elapsed()))
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let file = self.absolute(path);
        let refused = |err: std::io::Error| FileError::of(path, &err);
        let metadata = std::fs::metadata(&file).map_err(refused)?;
        if metadata.is_dir() {
            return Err(FileError::IsDirectory(path.to_owned()));
        }
        if metadata.size() > self.info.max_file {
            let (size, limit) = (metadata.size(), self.info.max_file);
            return Err(FileError::TooLarge { path: path.to_owned(), size, limit });
        }
        std::fs::read(&file).map_err(refused)
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        let file = self.absolute(path);
        let refused = |err: std::io::Error| FileError::of(path, &err);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).map_err(refused)?;
        }
        std::fs::write(&file, contents).map_err(refused)?;
        match mode {
            Some(mode) => std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).map_err(refused),
            None => Ok(()),
        }
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let refused = |err: std::io::Error| FileError::of(path, &err);
        let path = self.absolute(path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(FileError::NotFound(path.display().to_string()));
        };
        let mut tar = tokio::process::Command::new("tar");
        let output = tar.arg("-C").arg(parent).arg("-cf").arg("-").arg(name).output().await.map_err(refused)?;
        Ok(output.stdout)
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        Ok(())
    }
}
