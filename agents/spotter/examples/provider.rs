//! A provider of sandboxes that are plain folders: `cargo run -p spotter --example provider -- solve demo__lru-1
//! -c sandbox.provider=folder`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tempfile::TempDir;
use tool_core::{
    Command, Connect, ExecEnd, ExecOutput, FileError, Host, Image, NoOptions, Sandbox, SandboxConfig, SandboxError,
    SandboxInfo, SandboxProvider, Source,
};

struct Folders(SandboxConfig);

struct Folder {
    info: SandboxInfo,
    limit: Duration,
    _folder: TempDir,
}

impl Connect for Folders {
    const NAME: &'static str = "folder";
    const SANDBOXES: &'static str = "plain folders";
    type Options = NoOptions;

    async fn connect(config: SandboxConfig, _: NoOptions, _: Host, _run: String) -> Result<Self, SandboxError> {
        Ok(Self(config))
    }
}

#[async_trait]
impl SandboxProvider for Folders {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let Source::Files(files) = &image.source else {
            return Err(SandboxError::Unsupported("a folder takes only files".to_owned()));
        };
        let folder = tempfile::tempdir().map_err(SandboxError::lost)?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (id, root, scratch) = (at(""), at("repository"), at("scratch"));
        std::fs::create_dir_all(&scratch).map_err(SandboxError::lost)?;
        let provider = Self::NAME;
        let info = SandboxInfo { provider, id, root, scratch, isolated: false, max_file: self.0.max_file.0 };
        let sandbox = Folder { info, limit: Duration::from_secs(self.0.timeout), _folder: folder };
        for (name, contents) in files {
            sandbox.write_file(name, contents, None).await.map_err(SandboxError::lost)?;
        }
        Ok(Arc::new(sandbox))
    }
}

/// Each command has a shell of its own.
#[async_trait]
impl Sandbox for Folder {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let (begun, limit, root) = (Instant::now(), command.timeout.unwrap_or(self.limit), &self.info.root);
        let mut bash = tokio::process::Command::new("bash");
        bash.args(["-c", &format!("exec 2>&1 </dev/null\n{}", command.script)]).current_dir(root).kill_on_drop(true);
        let (output, end) = match tokio::time::timeout(limit, bash.output()).await {
            Ok(ended) => ended.map(|ended| (ended.stdout, ExecEnd::Exited(ended.status.code().unwrap_or(137)))),
            Err(_) => Ok((Vec::new(), ExecEnd::TimedOut(limit))),
        }
        .map_err(SandboxError::lost)?;
        Ok(ExecOutput::new(String::from_utf8_lossy(&output), end, root, begun.elapsed()))
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(Path::new(&self.info.root).join(path)).map_err(|err| FileError::of(path, &err))
    }

    async fn write_file(&self, path: &str, contents: &[u8], _mode: Option<u32>) -> Result<(), FileError> {
        let file = Path::new(&self.info.root).join(path);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, contents)).map_err(|err| FileError::of(path, &err))
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        Ok(()) // The folder is removed when the sandbox is dropped.
    }
}

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().sandbox::<Folders>().agent::<codeact::CodeAct>(codeact::CONFIG))
}
