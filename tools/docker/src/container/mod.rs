//! One container: its first process, its shells and its files.

mod copy;
mod damage;
mod exec;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, InspectContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use shell::{BOOT, Backend, Chunk, Health, Pipe, ProcessTime, SUPERVISOR, Streams, Supervisors};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tool_core::{FileError, SandboxConfig, SandboxError, SandboxInfo};

use crate::engine::force_remove;
use crate::labels::new_name;

use self::damage::explain;
use self::exec::exec;
pub(crate) use self::exec::{Input, Output};

const SCRATCH: &str = "/.spotter";

/// One container.
pub(crate) struct Container {
    client: Client,
    info: SandboxInfo,
    /// Absent until the container has started.
    supervisors: Option<Arc<Supervisors>>,
    removed: Arc<AtomicBool>,
    removals: TaskTracker,
    /// Where the engine keeps what containers write, where that is on this machine.
    disk: Option<PathBuf>,
}

impl Container {
    /// Returns a container that is yet to be created under the name [`Container::id`].
    pub(crate) fn new(
        client: &Client,
        config: &SandboxConfig,
        root: &str,
        removals: TaskTracker,
        disk: Option<PathBuf>,
    ) -> Self {
        let root = match root.trim_end_matches('/') {
            "" => "/",
            root => root,
        };
        let info = SandboxInfo {
            provider: "docker",
            id: new_name(),
            root: root.to_owned(),
            scratch: SCRATCH.to_owned(),
            isolated: true,
            max_file: config.max_file.0,
        };
        let removed = Arc::new(AtomicBool::new(false));
        Self { client: client.clone(), info, supervisors: None, removed, removals, disk }
    }

    pub(crate) fn id(&self) -> &str {
        &self.info.id
    }

    /// Creates the container; where no one waits for that any more, it is removed as soon as it is there.
    pub(crate) async fn create(&self, options: CreateContainerOptions, body: ContainerCreateBody) -> io::Result<()> {
        let (client, id, removed) = (self.client.clone(), self.id().to_owned(), self.removed.clone());
        let creation = self.removals.spawn(async move {
            client.create_container(Some(options), body).await.map_err(io::Error::other)?;
            if removed.load(Ordering::SeqCst) { force_remove(&client, &id).await } else { Ok(()) }
        });
        creation.await.map_err(io::Error::other)?
    }

    /// Starts the created container, its first process attached.
    pub(crate) async fn start(mut self) -> Result<Self, SandboxError> {
        let failed = |reason: String| SandboxError::Unavailable(format!("cannot start the container: {reason}"));
        let options = AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stream(true).build();
        let attached = self.client.attach_container(self.id(), Some(options)).await;
        let AttachContainerResults { input, output } = attached.map_err(|err| failed(err.to_string()))?;
        self.client.start_container(self.id(), None).await.map_err(|err| explain_start(&err))?;
        let (client, id) = (self.client.clone(), self.info.id.clone());
        let another = move || -> BoxFuture<'static, Result<Streams, SandboxError>> {
            let (client, id) = (client.clone(), id.clone());
            Box::pin(async move {
                let (_, input, output) = exec(&client, &id, &supervisor_arguments()).await?;
                Ok(streams(input, output))
            })
        };
        let supervisors = Supervisors::start(streams(input, output), Box::new(another)).await;
        self.supervisors = Some(supervisors.map_err(|err| failed(err.to_string()))?);
        Ok(self)
    }

    /// Returns the processes that do our work, which are there once the container has started.
    fn supervisors(&self) -> Result<&Arc<Supervisors>, SandboxError> {
        self.supervisors.as_ref().ok_or_else(|| gone("it has not started"))
    }
}

/// Returns how a supervisor is started in a container.
pub(crate) fn supervisor_arguments() -> [&'static str; 7] {
    ["bash", "--norc", "--noprofile", "-p", "-c", SUPERVISOR, "spotter"]
}

/// Returns the streams of a supervisor.
fn streams(input: Input, output: Output) -> Streams {
    let output = output.filter_map(async |piece| match piece {
        Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => Some(Ok(message)),
        Ok(_) => None,
        Err(err) => Some(Err(io::Error::other(err))),
    });
    Streams { input, output: output.boxed() }
}

fn gone(reason: &str) -> SandboxError {
    SandboxError::Lost(format!("the container cannot be reached: {reason}"))
}

fn explain_start(err: &Error) -> SandboxError {
    let reason = err.to_string();
    if reason.contains("executable file not found") || reason.contains("no such file") {
        return SandboxError::Image(format!("the image has no bash, which a sandbox needs: {reason}"));
    }
    SandboxError::Unavailable(format!("cannot start the container: {reason}"))
}

#[async_trait]
impl Backend for Container {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn open(&self) -> Result<Pipe, SandboxError> {
        let (exec, input, output) =
            exec(&self.client, self.id(), &["bash", "--norc", "--noprofile", "-p", "-c", BOOT, "bash"]).await?;
        let chunks = output.filter_map(async |piece| match piece {
            Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => Some(Chunk::Output(message)),
            Ok(LogOutput::StdErr { message }) => Some(Chunk::Message(message)),
            Ok(LogOutput::StdIn { .. }) => None,
            Err(_) => Some(Chunk::Closed),
        });
        let client = self.client.clone();
        let exit = async move {
            loop {
                let state = client.inspect_exec(&exec).await.ok()?;
                if state.running == Some(false) {
                    return state.exit_code.and_then(|code| i32::try_from(code).ok());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        Ok(Pipe { input, chunks: chunks.boxed(), exit: Box::pin(exit), clock: None })
    }

    async fn end_tree(&self, shell: u32, since: ProcessTime) -> Result<(), SandboxError> {
        self.supervisors()?.end_tree(shell, since).await
    }

    fn keep(&self, shell: u32) {
        self.supervisors.iter().for_each(|supervisors| supervisors.keep(shell));
    }

    async fn end_background_if_full(&self) -> Result<(), SandboxError> {
        self.supervisors()?.end_background_if_full().await
    }

    async fn end_background(&self) -> Result<(), SandboxError> {
        self.supervisors()?.end_background().await
    }

    fn take_background_ended(&self) -> bool {
        self.supervisors.as_ref().is_some_and(|supervisors| supervisors.take_background_ended())
    }

    async fn check(&self, shell: u32) -> Result<Health, SandboxError> {
        self.supervisors()?.check(shell).await
    }

    async fn explain(&self, err: SandboxError) -> SandboxError {
        if self.removed.load(Ordering::SeqCst) { err } else { explain(&self.client, self.id(), err).await }
    }

    fn check_every(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn oom_kills(&self) -> Result<u64, SandboxError> {
        self.supervisors()?.oom_kills().await
    }

    fn disk(&self) -> Option<PathBuf> {
        self.disk.clone()
    }

    async fn written(&self) -> Option<u64> {
        let options = InspectContainerOptionsBuilder::new().size(true).build();
        let seen = self.client.inspect_container(self.id(), Some(options)).await.ok()?;
        u64::try_from(seen.size_rw?).ok()
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.supervisors()?.read_file(path, self.info.max_file).await
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.supervisors()?.write_file(&self.info.root, path, contents, mode).await
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.supervisors()?.archive(path, self.info.max_file).await
    }

    async fn export(&self, path: &str) -> Result<File, FileError> {
        copy::export(&self.client, self.id(), path, self.info.max_file).await
    }

    async fn import(&self, folder: &str, archive: File) -> Result<(), FileError> {
        copy::import(&self.client, self.id(), folder, archive).await
    }

    async fn remove(&self) -> Result<(), SandboxError> {
        if self.removed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let (client, id) = (self.client.clone(), self.id().to_owned());
        // A task of its own, so that a caller who gives up leaves nothing behind.
        let removal = self.removals.spawn(async move { force_remove(&client, &id).await });
        removal
            .await
            .map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(|err| SandboxError::Lost(format!("the container `{}` was not removed: {err}", self.id())))
    }

    fn remove_in_background(&self) {
        if self.removed.swap(true, Ordering::SeqCst) {
            return;
        }
        // Without a runtime, the connection to the container has ended, and so has the container.
        let Ok(runtime) = Handle::try_current() else { return };
        let (client, id) = (self.client.clone(), self.id().to_owned());
        self.removals.spawn_on(
            async move {
                if let Err(err) = force_remove(&client, &id).await {
                    tracing::warn!("the container `{id}` was not removed: {err}");
                }
            },
            &runtime,
        );
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.remove_in_background();
    }
}
