//! A sandbox: a backend, and the worker that runs the commands in it.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tool_core::{Command, ExecOutput, FileError, Sandbox, SandboxConfig, SandboxError, SandboxInfo, Stamp};

use crate::backend::Backend;
use crate::worker::{Job, Worker};

/// A sandbox of any provider: a backend, and the worker that runs the commands in it.
pub struct Running {
    backend: Arc<dyn Backend>,
    jobs: mpsc::Sender<Job>,
    stopped: CancellationToken,
}

impl Running {
    /// Starts the persistent shell in a backend that is ready.
    ///
    /// # Errors
    /// When no shell can be had, or the startup commands of the image fail.
    pub async fn start(
        backend: Arc<dyn Backend>,
        config: &SandboxConfig,
        startup: &str,
    ) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let (jobs, queue) = mpsc::channel(16);
        let running = Self { backend: backend.clone(), jobs, stopped: CancellationToken::new() };
        let mut worker = Worker::new(backend, config.clone(), startup.to_owned(), running.stopped.clone());
        worker.start().await?;
        tokio::spawn(worker.work(queue));
        Ok(Arc::new(running))
    }

    /// Returns the absolute path that `path` stands for.
    fn absolute(&self, path: &str) -> Result<String, FileError> {
        if path.contains('\0') {
            let path = path.replace('\0', "\\0");
            return Err(FileError::Refused { path, reason: "a path cannot hold a NUL byte".to_owned() });
        }
        if path.is_empty() {
            return Err(FileError::NotFound(path.to_owned()));
        }
        let root = &self.backend.info().root;
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("{root}/{path}") })
    }

    /// Tells an error that what ran inside has caused from one of infrastructure.
    async fn explain(&self, err: SandboxError) -> SandboxError {
        if self.stopped.is_cancelled() { err } else { self.backend.explain(err).await }
    }

    /// Names the path in an error as the caller did, and tells what the error comes from.
    async fn as_given(&self, err: FileError, path: &str) -> FileError {
        match as_given(err, path) {
            FileError::Sandbox(err) => FileError::Sandbox(self.explain(err).await),
            err => err,
        }
    }

    fn check_running(&self) -> Result<(), SandboxError> {
        if self.stopped.is_cancelled() { Err(gone()) } else { Ok(()) }
    }
}

/// Returns an absolute path without what is after its last component; refuses one that has none.
fn with_name(path: &str, mut absolute: String) -> Result<String, FileError> {
    while let Some(shorter) = absolute.strip_suffix('/').or_else(|| absolute.strip_suffix("/.")) {
        absolute.truncate(shorter.len());
    }
    if absolute.is_empty() || absolute.ends_with("/..") {
        return Err(FileError::Refused { path: path.to_owned(), reason: "it has no last component".to_owned() });
    }
    Ok(absolute)
}

fn gone() -> SandboxError {
    SandboxError::Lost("the sandbox has been stopped".to_owned())
}

/// Names the path in an error as the caller did.
fn as_given(err: FileError, path: &str) -> FileError {
    let path = path.to_owned();
    match err {
        FileError::NotFound(_) => FileError::NotFound(path),
        FileError::IsDirectory(_) => FileError::IsDirectory(path),
        FileError::Outside { target, .. } => FileError::Outside { path, target },
        FileError::TooLarge { size, limit, .. } => FileError::TooLarge { path, size, limit },
        FileError::Refused { reason, .. } => FileError::Refused { path, reason },
        FileError::Sandbox(err) => FileError::Sandbox(err),
    }
}

#[async_trait]
impl Sandbox for Running {
    fn info(&self) -> &SandboxInfo {
        self.backend.info()
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        self.check_running()?;
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { command, reply }).await.map_err(|_| gone())?;
        match answer.await.map_err(|_| gone())? {
            Err(err) => Err(self.explain(err).await),
            result => result,
        }
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.check_running()?;
        match self.backend.read_file(&self.absolute(path)?).await {
            Err(err) => Err(self.as_given(err, path).await),
            result => result,
        }
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.check_running()?;
        let limit = self.backend.info().max_file;
        let size = contents.len() as u64;
        if size > limit {
            return Err(FileError::TooLarge { path: path.to_owned(), size, limit });
        }
        if path.ends_with('/') {
            return Err(FileError::IsDirectory(path.to_owned()));
        }
        match self.backend.write_file(&self.absolute(path)?, contents, mode).await {
            Err(err) => Err(self.as_given(err, path).await),
            result => result,
        }
    }

    async fn stamp(&self, path: &str) -> Option<Stamp> {
        self.backend.stamp(&self.absolute(path).ok()?).await
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.check_running()?;
        let absolute = with_name(path, self.absolute(path)?)?;
        match self.backend.archive(&absolute).await {
            Err(err) => Err(self.as_given(err, path).await),
            result => result,
        }
    }

    async fn export(&self, path: &str) -> Result<File, FileError> {
        let absolute = with_name(path, self.absolute(path)?)?;
        self.backend.export(&absolute).await.map_err(|err| as_given(err, path))
    }

    async fn import(&self, folder: &str, archive: File) -> Result<(), FileError> {
        self.check_running()?;
        self.backend.import(&self.absolute(folder)?, archive).await.map_err(|err| as_given(err, folder))
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        self.stopped.cancel();
        self.backend.remove().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.stopped.is_cancelled() {
            self.stopped.cancel();
            self.backend.remove_in_background();
        }
    }
}
