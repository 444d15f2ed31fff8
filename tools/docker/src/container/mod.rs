//! One container: its first process, its shells and its files.

mod copy;
mod damage;
mod exec;
mod supervisor;
mod supervisors;

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
use shell::{BOOT, Backend, Chunk, Ending, Health, Moment, Pipe, Signal};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tool_core::{FileError, SandboxConfig, SandboxError, SandboxInfo};

use crate::engine::force_remove;
use crate::labels::new_name;

use self::damage::explain;
use self::exec::exec;
pub(crate) use self::exec::{Input, Output};
pub(crate) use self::supervisor::BOOT as SUPERVISOR;
use self::supervisor::{Answer, SHORT, Supervisor};
use self::supervisors::Supervisors;

const SCRATCH: &str = "/.spotter";
/// A container that is full at so many looks in a row is kept full.
const FULL_CHECKS: usize = 3;
const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

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
        let supervisor = Supervisor::start(input, output, SHORT).await.map_err(|err| failed(err.to_string()))?;
        self.supervisors = Some(Supervisors::new(&self.client, &self.info.id, supervisor));
        Ok(self)
    }

    /// Returns the processes that do our work, which are there once the container has started.
    fn supervisors(&self) -> Result<&Arc<Supervisors>, SandboxError> {
        self.supervisors.as_ref().ok_or_else(|| gone("it has not started"))
    }

    /// Asks the process that moves files.
    async fn ask_for_files(&self, operation: &str, fields: [&[u8]; 4], body: &[u8]) -> Result<Answer, SandboxError> {
        self.supervisors()?.ask_for_files(operation, fields, body).await
    }

    fn limit(&self) -> Vec<u8> {
        self.info.max_file.to_string().into_bytes()
    }

    /// Checks a read that was bounded to one byte more than the limit.
    fn within_limit(&self, path: &str, data: Vec<u8>) -> Result<Vec<u8>, FileError> {
        let (size, limit) = (data.len() as u64, self.info.max_file);
        if size > limit { Err(FileError::TooLarge { path: path.to_owned(), size, limit }) } else { Ok(data) }
    }
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

/// Turns the status on a file operation into an error.
fn file_result(path: &str, status: &str) -> Result<(), FileError> {
    let path = path.to_owned();
    let (word, detail) = status.split_once(' ').unwrap_or((status, ""));
    match word {
        "ok" => Ok(()),
        "missing" => Err(FileError::NotFound(path)),
        "directory" => Err(FileError::IsDirectory(path)),
        "outside" => Err(FileError::Outside { path, target: detail.to_owned() }),
        _ => Err(FileError::Refused { path, reason: detail.to_owned() }),
    }
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
        Ok(Pipe { input, chunks: chunks.boxed(), exit: Box::pin(exit) })
    }

    async fn end_tree(&self, shell: u32, since: Moment, signal: Signal) -> Result<(), SandboxError> {
        let signal = match signal {
            Signal::End => "PWR",
            Signal::Kill => "KILL",
        };
        self.supervisors()?.end(Ending::new(shell, since), signal).await
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
        let shell = shell.to_string();
        for _ in 0..FULL_CHECKS {
            let answer = self.supervisors()?.ask("alive", [shell.as_bytes(), &[], &[], &[]]).await?;
            match answer.status.as_str() {
                "yes" => return Ok(Health::Good),
                "no" => return Ok(Health::Dead),
                _ => tokio::time::sleep(BETWEEN_CHECKS).await,
            }
        }
        Ok(Health::Full)
    }

    async fn explain(&self, err: SandboxError) -> SandboxError {
        if self.removed.load(Ordering::SeqCst) { err } else { explain(&self.client, self.id(), err).await }
    }

    fn check_every(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn oom_kills(&self) -> Result<u64, SandboxError> {
        let answer = self.supervisors()?.ask("oom_kills", [&[], &[], &[], &[]]).await?;
        Ok(answer.status.parse().unwrap_or_default())
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
        let answer = self.ask_for_files("read_file", [&self.limit(), path.as_bytes(), &[], &[]], &[]).await?;
        file_result(path, &answer.status)?;
        self.within_limit(path, answer.data)
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        let mode = mode.map(|mode| format!("{:o}", mode & 0o7777)).unwrap_or_default();
        let size = contents.len().to_string();
        let fields = [size.as_bytes(), mode.as_bytes(), self.info.root.as_bytes(), path.as_bytes()];
        let answer = self.ask_for_files("write_file", fields, contents).await?;
        file_result(path, &answer.status)
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let answer = self.ask_for_files("archive", [&self.limit(), path.as_bytes(), &[], &[]], &[]).await?;
        // Beyond the limit, tar has reason to complain.
        let data = self.within_limit(path, answer.data)?;
        file_result(path, &answer.status)?;
        Ok(data)
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
            .map_err(|err| SandboxError::Lost(format!("the container `{}` is left behind: {err}", self.id())))
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
                    tracing::warn!("the container `{id}` is left behind: {err}");
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
