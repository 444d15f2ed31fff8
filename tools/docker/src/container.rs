//! One container: its first process, its shells and its files.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, InspectContainerOptionsBuilder,
};
use futures_util::StreamExt;
use shell::{BOOT, Backend, Chunk, Health, Moment, Pipe, Signal};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use tool_core::{FileError, SandboxConfig, SandboxError, SandboxInfo};

use crate::copy;
use crate::damage::explain;
use crate::engine::force_remove;
use crate::labels::new_name;
use crate::supervisor::{self, Answer, Input, Output, Supervisor};

/// Largest piece that the client cuts the output into.
const PIECE: usize = 64 << 10;
const SCRATCH: &str = "/.spotter";
/// Processes that must be left for a command of the harness: the engine alone takes a dozen to start one.
const RESERVED: &str = "40";

/// A container that is full at so many looks in a row is kept full.
const FULL_CHECKS: usize = 3;
const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

/// One container.
pub(crate) struct Container {
    client: Client,
    info: SandboxInfo,
    /// The first process: it kills. Absent until the container has started.
    supervisor: Option<Supervisor>,
    /// Another process that kills, once something has got between us and the first.
    second: Mutex<Option<Supervisor>>,
    /// The persistent shell; it and the one that moves files stay when the rest is ended.
    shell: AtomicU32,
    /// The id of that process inside the container.
    files_process: AtomicU32,
    background_ended: AtomicBool,
    /// A process that moves files, started with the first file and again when a command has killed it.
    files: Mutex<Option<Supervisor>>,
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
        Self {
            client: client.clone(),
            info,
            supervisor: None,
            second: Mutex::default(),
            shell: AtomicU32::new(0),
            files_process: AtomicU32::new(0),
            background_ended: AtomicBool::new(false),
            files: Mutex::default(),
            removed,
            removals,
            disk,
        }
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
        let supervisor =
            Supervisor::start(input, output, supervisor::SHORT).await.map_err(|err| failed(err.to_string()))?;
        self.supervisor = Some(supervisor);
        Ok(self)
    }

    async fn exec(&self, arguments: &[&str]) -> Result<(String, Input, Output), SandboxError> {
        let failed = |err: Error| SandboxError::Lost(format!("cannot start a process in the container: {err}"));
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(arguments.to_vec()),
            // Unlike the repository, it is there whatever a command did.
            working_dir: Some("/"),
            ..Default::default()
        };
        let exec = self.client.create_exec(self.id(), options).await.map_err(failed)?.id;
        let options = StartExecOptions { output_capacity: Some(PIECE), ..Default::default() };
        match self.client.start_exec(&exec, Some(options)).await.map_err(failed)? {
            StartExecResults::Attached { input, output } => Ok((exec, input, output)),
            StartExecResults::Detached => Err(SandboxError::Lost("the engine did not attach the process".to_owned())),
        }
    }

    /// Asks the first process; when a command has got hold of what is meant for it, another one.
    async fn ask_supervisor(&self, operation: &str, fields: [&[u8]; 4]) -> Result<Answer, SandboxError> {
        let mut second = self.second.lock().await;
        let Some(supervisor) = second.as_ref().or(self.supervisor.as_ref()) else {
            return Err(gone("it has not started"));
        };
        if let Ok(answer) = supervisor.ask(operation, fields, Vec::new()).await {
            return Ok(answer);
        }
        let new = second.insert(self.start_supervisor(supervisor::SHORT).await?);
        new.ask(operation, fields, Vec::new()).await.map_err(|err| gone(&err.to_string()))
    }

    async fn start_supervisor(&self, timeout: Duration) -> Result<Supervisor, SandboxError> {
        let arguments = ["bash", "--norc", "--noprofile", "-p", "-c", supervisor::BOOT, "spotter"];
        let (_, input, output) = self.exec(&arguments).await?;
        Supervisor::start(input, output, timeout).await.map_err(|err| gone(&err.to_string()))
    }

    /// Asks the process that moves files; when a command has killed it, another one.
    async fn ask_for_files(&self, operation: &str, fields: [&[u8]; 4], body: &[u8]) -> Result<Answer, SandboxError> {
        let mut slot = self.files.lock().await;
        self.end_background_if_full().await?;
        if let Some(files) = slot.take()
            && let Ok(answer) = files.ask(operation, fields, body.to_vec()).await
        {
            *slot = Some(files);
            return Ok(answer);
        }
        let files = match self.start_supervisor(supervisor::LONG).await {
            Ok(files) => files,
            Err(_) => {
                self.end_background().await?;
                self.start_supervisor(supervisor::LONG).await?
            }
        };
        self.files_process.store(files.process(), Ordering::SeqCst);
        let answer = files.ask(operation, fields, body.to_vec()).await.map_err(|err| gone(&err.to_string()))?;
        *slot = Some(files);
        Ok(answer)
    }

    /// Returns the fields that name the processes that stay, whatever else is ended.
    fn kept(&self) -> [Vec<u8>; 2] {
        [&self.shell, &self.files_process].map(|process| process.load(Ordering::SeqCst).to_string().into_bytes())
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
        let (exec, input, output) = self.exec(&["bash", "--norc", "--noprofile", "-p", "-c", BOOT, "bash"]).await?;
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
        let number = |value: u64| value.to_string().into_bytes();
        let (shell, ticks, last) = (number(shell.into()), number(since.ticks), number(since.last.into()));
        let signal: &[u8] = match signal {
            Signal::End => b"PWR",
            Signal::Kill => b"KILL",
        };
        self.ask_supervisor("end_tree", [&shell, &ticks, &last, signal]).await.map(drop)
    }

    fn keep(&self, shell: u32) {
        self.shell.store(shell, Ordering::SeqCst);
    }

    async fn end_background_if_full(&self) -> Result<(), SandboxError> {
        let [shell, files] = self.kept();
        let answer = self.ask_supervisor("end_background_if_full", [RESERVED.as_bytes(), &shell, &files, &[]]).await?;
        self.background_ended.fetch_or(answer.status == "ended", Ordering::SeqCst);
        Ok(())
    }

    async fn end_background(&self) -> Result<(), SandboxError> {
        let [shell, files] = self.kept();
        self.ask_supervisor("end_background", [&shell, &files, &[], &[]]).await?;
        self.background_ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn take_background_ended(&self) -> bool {
        self.background_ended.swap(false, Ordering::SeqCst)
    }

    async fn check(&self, shell: u32) -> Result<Health, SandboxError> {
        let shell = shell.to_string();
        for _ in 0..FULL_CHECKS {
            let answer = self.ask_supervisor("alive", [shell.as_bytes(), &[], &[], &[]]).await?;
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
        let answer = self.ask_supervisor("oom_kills", [&[], &[], &[], &[]]).await?;
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

    fn abandon(&self) {
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
        self.abandon();
    }
}
