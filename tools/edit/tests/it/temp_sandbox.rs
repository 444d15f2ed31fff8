//! A sandbox over a temporary folder, with a new `bash` for each command.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tool_core::{Command, ExecEnd, ExecOutput, FileError, Sandbox, SandboxError, SandboxInfo};

pub(crate) struct TempSandbox {
    info: SandboxInfo,
    folder: TempDir,
}

impl TempSandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("repo");
        std::fs::create_dir(&root).unwrap();
        let info = SandboxInfo {
            provider: "local",
            id: folder.path().display().to_string(),
            root: root.display().to_string(),
            scratch: folder.path().display().to_string(),
            isolated: false,
            max_file: 4 << 20,
        };
        Self { info, folder }
    }

    pub(crate) fn root(&self) -> &Path {
        Path::new(&self.info.root)
    }

    fn resolve(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// A path inside the repository must not lead out of it.
    fn guard(&self, path: &str) -> Result<(), FileError> {
        let full = self.resolve(path);
        let there = full.ancestors().find(|ancestor| ancestor.exists()).unwrap();
        let target = there.canonicalize().unwrap();
        if full.starts_with(self.root()) && !target.starts_with(self.root()) {
            return Err(FileError::Outside { path: path.to_owned(), target: target.display().to_string() });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Sandbox for TempSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let mut bash = tokio::process::Command::new("bash");
        bash.arg("-c").arg(format!("exec 2>&1\n{}", command.script)).current_dir(self.root()).stdin(Stdio::null());
        let output = bash.kill_on_drop(true).output().await.map_err(SandboxError::lost)?;
        let end = ExecEnd::Exited(output.status.code().unwrap_or(137));
        Ok(ExecOutput::new(String::from_utf8_lossy(&output.stdout), end, "", Duration::ZERO))
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let full = self.resolve(path);
        let size = std::fs::metadata(&full).map_or(0, |metadata| metadata.len());
        if size > self.info.max_file {
            return Err(FileError::TooLarge { path: path.to_owned(), size, limit: self.info.max_file });
        }
        std::fs::read(full).map_err(|err| FileError::of(path, &err))
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.guard(path)?;
        let full = self.resolve(path);
        std::fs::create_dir_all(full.parent().unwrap()).map_err(|err| FileError::of(path, &err))?;
        std::fs::write(&full, contents).map_err(|err| FileError::of(path, &err))?;
        if let Some(mode) = mode {
            std::fs::set_permissions(full, PermissionsExt::from_mode(mode)).map_err(|err| FileError::of(path, &err))?;
        }
        Ok(())
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        std::fs::remove_dir_all(self.folder.path()).map_err(SandboxError::lost)
    }
}
