//! A provider of sandboxes that are plain folders: `cargo run -p spotter --example provider -- solve demo__lru-1
//! -c sandbox.provider=folder`.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tempfile::TempDir;
use tool_core::{
    Command, Connect, ExecEnd, ExecOutput, FileError, Host, Image, NoOptions, Sandbox, SandboxConfig, SandboxError,
    SandboxInfo, SandboxProvider, Source,
};

/// Starts sandboxes that are plain folders. Each command has a shell of its own.
struct Folders(SandboxConfig);

struct Folder {
    info: SandboxInfo,
    timeout: Duration,
    _folder: TempDir,
}

fn lost(err: impl std::fmt::Display) -> SandboxError {
    SandboxError::Lost(err.to_string())
}

impl Connect for Folders {
    const NAME: &'static str = "folder";
    const SANDBOXES: &'static str = "plain folders";
    type Options = NoOptions;

    async fn connect(config: SandboxConfig, _: NoOptions, _: Host, _run: String) -> Result<Self, SandboxError> {
        Ok(Self(config))
    }

    async fn clean(_: Host, _all: bool) -> Result<Vec<String>, SandboxError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SandboxProvider for Folders {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let Source::Files(files) = &image.source else {
            return Err(SandboxError::Unsupported("a folder takes only files".to_owned()));
        };
        let folder = tempfile::tempdir().map_err(lost)?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (id, root, scratch) = (at(""), at("repository"), at("scratch"));
        std::fs::create_dir_all(&scratch).map_err(lost)?;
        let info =
            SandboxInfo { provider: Self::NAME, id, root, scratch, isolated: false, max_file: self.0.max_file.0 };
        let sandbox = Folder { info, timeout: Duration::from_secs(self.0.timeout), _folder: folder };
        for (name, contents) in files {
            sandbox.write_file(name, contents, None).await.map_err(lost)?;
        }
        Ok(Arc::new(sandbox))
    }
}

impl Folder {
    fn path(&self, path: &str) -> std::path::PathBuf {
        std::path::Path::new(&self.info.root).join(path)
    }
}

#[async_trait]
impl Sandbox for Folder {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let (begun, limit) = (Instant::now(), command.timeout.unwrap_or(self.timeout));
        let mut bash = tokio::process::Command::new("bash");
        bash.args(["-c", &format!("exec 2>&1\n{}", command.script)]).current_dir(&self.info.root);
        let child = bash.kill_on_drop(true).stdin(Stdio::null()).output();
        let (output, end) = match tokio::time::timeout(limit, child).await {
            Ok(ended) => {
                ended.map(|ended| (ended.stdout, ExecEnd::Exited(ended.status.code().unwrap_or(137)))).map_err(lost)?
            }
            Err(_) => (Vec::new(), ExecEnd::TimedOut(limit)),
        };
        let output = String::from_utf8_lossy(&output).into_owned();
        Ok(ExecOutput {
            output,
            omitted: 0,
            end,
            restarted: false,
            cwd: self.info.root.clone(),
            elapsed: begun.elapsed(),
        })
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.path(path)).map_err(|_| FileError::NotFound(path.to_owned()))
    }

    async fn write_file(&self, path: &str, contents: &[u8], _mode: Option<u32>) -> Result<(), FileError> {
        let file = self.path(path);
        std::fs::create_dir_all(file.parent().unwrap_or(&file)).map_err(lost)?;
        Ok(std::fs::write(file, contents).map_err(lost)?)
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let reason = "a folder makes no archives".to_owned();
        Err(FileError::Refused { path: path.to_owned(), reason })
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().sandbox::<Folders>().agent::<codeact::CodeAct>(codeact::CONFIG))
}
