//! The processes in a container that do the host's own work, and which of them is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bollard::Docker as Client;
use shell::{Ending, Moment, Process};
use tokio::sync::Mutex;
use tool_core::SandboxError;

use super::exec::exec;
use super::supervisor::{Answer, BOOT, LONG, SHORT, Supervisor};

/// Processes that must be left for a command of the harness: the engine alone takes a dozen to start one.
const RESERVED: &[u8] = b"40";

/// The processes in a container that do the host's own work: the first, which ends others, and one that moves files.
pub(super) struct Supervisors {
    client: Client,
    container: String,
    first: Supervisor,
    /// Another process that ends others, once something has got between us and the first.
    second: Mutex<Option<Supervisor>>,
    /// A process that moves files, started with the first file and again when a command has killed it.
    files: Mutex<Option<Supervisor>>,
    /// The id of that process inside the container.
    files_process: AtomicU32,
    /// The persistent shell; it and the process that moves files stay when the rest is ended.
    shell: AtomicU32,
    background_ended: AtomicBool,
    /// Held while processes are ended, as all others are stopped then.
    ending: Mutex<()>,
}

impl Supervisors {
    /// Returns those of a container that has just started.
    pub(super) fn new(client: &Client, container: &str, first: Supervisor) -> Arc<Self> {
        Arc::new(Self {
            client: client.clone(),
            container: container.to_owned(),
            first,
            second: Mutex::default(),
            files: Mutex::default(),
            files_process: AtomicU32::new(0),
            shell: AtomicU32::new(0),
            background_ended: AtomicBool::new(false),
            ending: Mutex::default(),
        })
    }

    /// Asks the first process; when a command has got hold of what is meant for it, another one.
    pub(super) async fn ask(&self, operation: &str, fields: [&[u8]; 4]) -> Result<Answer, SandboxError> {
        let mut second = self.second.lock().await;
        let supervisor = second.as_ref().unwrap_or(&self.first);
        if let Ok(answer) = supervisor.ask(operation, fields, Vec::new()).await {
            return Ok(answer);
        }
        let new = second.insert(self.start(SHORT).await?);
        new.ask(operation, fields, Vec::new()).await.map_err(|err| gone(&err.to_string()))
    }

    async fn start(&self, timeout: std::time::Duration) -> Result<Supervisor, SandboxError> {
        let arguments = ["bash", "--norc", "--noprofile", "-p", "-c", BOOT, "spotter"];
        let (_, input, output) = exec(&self.client, &self.container, &arguments).await?;
        Supervisor::start(input, output, timeout).await.map_err(|err| gone(&err.to_string()))
    }

    /// Asks the process that moves files; when a command has killed it, another one.
    pub(super) async fn ask_for_files(
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
        let files = match self.start(LONG).await {
            Ok(files) => files,
            Err(_) => {
                self.end_background().await?;
                self.start(LONG).await?
            }
        };
        self.files_process.store(files.process(), Ordering::SeqCst);
        let answer = files.ask(operation, fields, body.to_vec()).await.map_err(|err| gone(&err.to_string()))?;
        *slot = Some(files);
        Ok(answer)
    }

    /// Names the persistent shell.
    pub(super) fn keep(&self, shell: u32) {
        self.shell.store(shell, Ordering::SeqCst);
    }

    /// See [`shell::Backend::end_background_if_full`].
    pub(super) async fn end_background_if_full(self: &Arc<Self>) -> Result<(), SandboxError> {
        match self.ask("crowded", [RESERVED, &[], &[], &[]]).await?.status.as_str() {
            "yes" => self.end_background().await,
            _ => Ok(()),
        }
    }

    /// See [`shell::Backend::end_background`].
    pub(super) async fn end_background(self: &Arc<Self>) -> Result<(), SandboxError> {
        let [shell, files] = [&self.shell, &self.files_process].map(|process| process.load(Ordering::SeqCst));
        self.end(Ending::new(shell, Moment::default()).sparing(files), "").await?;
        self.background_ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// See [`shell::Backend::take_background_ended`].
    pub(super) fn take_background_ended(&self) -> bool {
        self.background_ended.swap(false, Ordering::SeqCst)
    }

    /// Kills what `ending` chooses; its shell gets a signal first, if one is named.
    pub(super) async fn end(self: &Arc<Self>, ending: Ending, signal: &'static str) -> Result<(), SandboxError> {
        let supervisors = self.clone();
        // A task of its own: when the caller gives up, what was stopped still goes on.
        let task = tokio::spawn(async move {
            let _lock = supervisors.ending.lock().await;
            let ended = supervisors.stop_and_kill(ending, signal).await;
            let resumed = supervisors.ask("resume", [&[]; 4]).await;
            ended.and(resumed.map(drop))
        });
        task.await.map_err(|err| gone(&err.to_string()))?
    }

    async fn stop_and_kill(&self, mut ending: Ending, signal: &str) -> Result<(), SandboxError> {
        let shell = ending.shell().to_string();
        let mut answer = self.ask("stop", [shell.as_bytes(), signal.as_bytes(), &[], &[]]).await?;
        loop {
            let victims = ending.next(&Process::parse_all(&answer.data));
            if victims.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = victims.iter().map(|process| process.id.to_string()).collect();
            answer = self.ask("end", [ids.join(" ").as_bytes(), &[], &[], &[]]).await?;
        }
    }
}

fn gone(reason: &str) -> SandboxError {
    SandboxError::Lost(format!("the container cannot be reached: {reason}"))
}
