//! The supervisors of a sandbox, and which of them is asked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tool_core::{FileError, SandboxError};

use super::{Answer, LONG, SHORT, Streams, Supervisor};
use crate::backend::{Health, ProcessTime};
use crate::ending::Ending;
use crate::process::Process;

/// Processes that must be left for a command of the harness: the engine alone takes a dozen to start one.
const RESERVED: &[u8] = b"40";

/// A sandbox that is full at so many checks in a row is kept full.
const FULL_CHECKS: usize = 3;
const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

/// Starts another bash with [`SUPERVISOR`](super::SUPERVISOR) in a sandbox.
pub type Another = Box<dyn Fn() -> BoxFuture<'static, Result<Streams, SandboxError>> + Send + Sync>;

/// The supervisors of a sandbox whose processes all have the same first process, such as a container: the first process
/// itself, which ends others and which nothing in the sandbox can kill, and one that moves files.
///
/// A provider of such sandboxes has most of a [`Backend`](crate::Backend) of it.
pub struct Supervisors {
    first: Supervisor,
    another: Another,
    /// Another process that ends others, once something has got between us and the first.
    second: Mutex<Option<Supervisor>>,
    /// A process that moves files, started with the first file and again when a command has killed it.
    files: Mutex<Option<Supervisor>>,
    /// The id of that process inside the sandbox.
    files_process: AtomicU32,
    /// The persistent shell; it and the process that moves files stay when the rest is ended.
    shell: AtomicU32,
    background_ended: AtomicBool,
    /// Held while processes are ended, as all others are stopped then.
    ending: Mutex<()>,
}

impl Supervisors {
    /// Takes in the first process of a sandbox that has just started.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn start(first: Streams, another: Another) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            first: Supervisor::start(first, SHORT).await?,
            another,
            second: Mutex::default(),
            files: Mutex::default(),
            files_process: AtomicU32::new(0),
            shell: AtomicU32::new(0),
            background_ended: AtomicBool::new(false),
            ending: Mutex::default(),
        }))
    }

    /// Asks the first process; when a command has got hold of what is meant for it, another one.
    async fn ask(&self, operation: &str, fields: [&[u8]; 4]) -> Result<Answer, SandboxError> {
        let mut second = self.second.lock().await;
        let supervisor = second.as_ref().unwrap_or(&self.first);
        if let Ok(answer) = supervisor.ask(operation, fields, Vec::new()).await {
            return Ok(answer);
        }
        let new = second.insert(self.start_another(SHORT).await?);
        new.ask(operation, fields, Vec::new()).await.map_err(|err| gone(&err.to_string()))
    }

    async fn start_another(&self, timeout: Duration) -> Result<Supervisor, SandboxError> {
        let streams = (self.another)().await?;
        Supervisor::start(streams, timeout).await.map_err(|err| gone(&err.to_string()))
    }

    /// Asks the process that moves files; when a command has killed it, another one.
    async fn ask_for_files(
        self: &Arc<Self>,
        operation: &str,
        fields: [&[u8]; 4],
        body: &[u8],
    ) -> Result<Answer, SandboxError> {
        let mut slot = self.files.lock().await;
        self.end_background_if_full().await?;
        if let Some(files) = slot.take()
            && let Ok(answer) = files.ask(operation, fields, body.to_vec()).await
        {
            *slot = Some(files);
            return Ok(answer);
        }
        let files = match self.start_another(LONG).await {
            Ok(files) => files,
            Err(_) => {
                self.end_background().await?;
                self.start_another(LONG).await?
            }
        };
        self.files_process.store(files.process(), Ordering::SeqCst);
        let answer = files.ask(operation, fields, body.to_vec()).await.map_err(|err| gone(&err.to_string()))?;
        *slot = Some(files);
        Ok(answer)
    }

    /// See [`Backend::keep`](crate::Backend::keep).
    pub fn keep(&self, shell: u32) {
        self.shell.store(shell, Ordering::SeqCst);
    }

    /// See [`Backend::end_background_if_full`](crate::Backend::end_background_if_full).
    ///
    /// # Errors
    /// When no supervisor answers.
    pub async fn end_background_if_full(self: &Arc<Self>) -> Result<(), SandboxError> {
        match self.ask("crowded", [RESERVED, &[], &[], &[]]).await?.status.as_str() {
            "yes" => self.end_background().await,
            _ => Ok(()),
        }
    }

    /// See [`Backend::end_background`](crate::Backend::end_background).
    ///
    /// # Errors
    /// When no supervisor answers.
    pub async fn end_background(self: &Arc<Self>) -> Result<(), SandboxError> {
        let [shell, files] = [&self.shell, &self.files_process].map(|process| process.load(Ordering::SeqCst));
        self.end(Ending::background(shell).sparing(files)).await?;
        self.background_ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// See [`Backend::take_background_ended`](crate::Backend::take_background_ended).
    pub fn take_background_ended(&self) -> bool {
        self.background_ended.swap(false, Ordering::SeqCst)
    }

    /// See [`Backend::end_tree`](crate::Backend::end_tree).
    ///
    /// # Errors
    /// When no supervisor answers.
    pub async fn end_tree(self: &Arc<Self>, shell: u32, since: ProcessTime) -> Result<(), SandboxError> {
        self.end(Ending::tree(shell, since)).await
    }

    /// See [`Backend::check`](crate::Backend::check).
    ///
    /// # Errors
    /// When no supervisor answers.
    pub async fn check(&self, shell: u32) -> Result<Health, SandboxError> {
        let shell = shell.to_string();
        for _ in 0..FULL_CHECKS {
            let answer = self.ask("alive", [shell.as_bytes(), &[], &[], &[]]).await?;
            match answer.status.as_str() {
                "yes" => return Ok(Health::Good),
                "no" => return Ok(Health::Dead),
                _ => tokio::time::sleep(BETWEEN_CHECKS).await,
            }
        }
        Ok(Health::Full)
    }

    /// See [`Backend::oom_kills`](crate::Backend::oom_kills).
    ///
    /// # Errors
    /// When no supervisor answers.
    pub async fn oom_kills(&self) -> Result<u64, SandboxError> {
        let answer = self.ask("oom_kills", [&[]; 4]).await?;
        Ok(answer.status.parse().unwrap_or_default())
    }

    /// Kills what `ending` chooses.
    async fn end(self: &Arc<Self>, ending: Ending) -> Result<(), SandboxError> {
        let supervisors = self.clone();
        // A task of its own: when the caller gives up, what was stopped still continues.
        let task = tokio::spawn(async move {
            let _lock = supervisors.ending.lock().await;
            let ended = supervisors.stop_and_kill(ending).await;
            let resumed = supervisors.ask("resume", [&[]; 4]).await;
            ended.and(resumed.map(drop))
        });
        task.await.map_err(|err| gone(&err.to_string()))?
    }

    async fn stop_and_kill(&self, mut ending: Ending) -> Result<(), SandboxError> {
        let mut answer = self.ask("stop", [&[]; 4]).await?;
        loop {
            let victims = ending.next(&Process::parse_all(&answer.data));
            if victims.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = victims.iter().map(|process| process.id.to_string()).collect();
            answer = self.ask("end", [ids.join(" ").as_bytes(), &[], &[], &[]]).await?;
        }
    }

    /// See [`Sandbox::read_file`](tool_core::Sandbox::read_file); `path` is absolute, and the file has `limit` bytes at
    /// most.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path.
    pub async fn read_file(self: &Arc<Self>, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let most = limit.to_string();
        let answer = self.ask_for_files("read_file", [most.as_bytes(), path.as_bytes(), &[], &[]], &[]).await?;
        file_result(path, &answer.status)?;
        within(limit, path, answer.data)
    }

    /// See [`Sandbox::write_file`](tool_core::Sandbox::write_file); `path` is absolute, and `root` is the repository.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path.
    pub async fn write_file(
        self: &Arc<Self>,
        root: &str,
        path: &str,
        contents: &[u8],
        mode: Option<u32>,
    ) -> Result<(), FileError> {
        let mode = mode.map(|mode| format!("{:o}", mode & 0o7777)).unwrap_or_default();
        let size = contents.len().to_string();
        let fields = [size.as_bytes(), mode.as_bytes(), root.as_bytes(), path.as_bytes()];
        let answer = self.ask_for_files("write_file", fields, contents).await?;
        file_result(path, &answer.status)
    }

    /// See [`Sandbox::archive`](tool_core::Sandbox::archive); `path` is absolute, and the archive has `limit` bytes at
    /// most.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path.
    pub async fn archive(self: &Arc<Self>, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let most = limit.to_string();
        let answer = self.ask_for_files("archive", [most.as_bytes(), path.as_bytes(), &[], &[]], &[]).await?;
        // Beyond the limit, tar has reason to complain.
        let data = within(limit, path, answer.data)?;
        file_result(path, &answer.status)?;
        Ok(data)
    }
}

/// Checks what was bounded to one byte more than the limit.
fn within(limit: u64, path: &str, data: Vec<u8>) -> Result<Vec<u8>, FileError> {
    let size = data.len() as u64;
    if size > limit { Err(FileError::TooLarge { path: path.to_owned(), size, limit }) } else { Ok(data) }
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

fn gone(reason: &str) -> SandboxError {
    SandboxError::Lost(format!("the container cannot be reached: {reason}"))
}
