//! A bash that takes commands from a pipe, and what it says of them.
//!
//! The host sends a request (whether to check the syntax, the length of a long command, the command) and, unread until
//! the command has ended, a nonce. The driver writes the nonce to standard output after the command's own output, and a
//! message to standard error, which no command holds: the command's exit code and the shell's directory. Another
//! message holds what the shell exports; it follows after, as nobody waits for it, and goes before the last report of a
//! shell.

mod inbox;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tool_core::SandboxError;

use crate::backend::{Chunk, Pipe, ProcessTime};
use crate::capture::Captured;
use crate::nonce::nonce;

pub(crate) use inbox::Report;
use inbox::Shared;

/// The program that a shell is started with; the length of the driver's setup and the driver follow on its standard
/// input.
///
/// bash reads a pipe byte by byte but where it is told how much to read.
pub const BOOT: &str = "builtin mapfile -t -d '' -n 1 __spotter_boot; \
    LC_ALL=C IFS= builtin read -r -N \"${__spotter_boot[0]}\" __spotter_setup; \
    builtin mapfile -t -d '' -n 2 __spotter_boot; builtin eval \"$__spotter_setup${__spotter_boot[0]}\"; \
    builtin eval \"${__spotter_boot[1]}\"";

/// The driver, and the line that parts its setup from its loop.
const DRIVER: &str = include_str!("driver.sh");
const LOOP: &str = "#--- loop";

/// A command that is longer is read in large pieces, for which the driver has to be told its length.
const LONG: usize = 400;

/// A running shell.
pub(crate) struct Shell {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    inbox: Arc<Shared>,
    exit: BoxFuture<'static, Option<i32>>,
    process: u32,
    begun: ProcessTime,
}

impl Shell {
    /// Starts the driver in a new bash.
    pub(crate) async fn start(pipe: Pipe, timeout: Duration) -> Result<Self, SandboxError> {
        let inbox = Arc::new(Shared::default());
        tokio::spawn(pump(pipe.chunks, inbox.clone()));
        let mut shell = Self { input: pipe.input, inbox, exit: pipe.exit, process: 0, begun: ProcessTime::default() };
        let (setup, main) = DRIVER.split_once(LOOP).unwrap_or((DRIVER, ""));
        let main = main.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let hello = async {
            shell.send(&[&setup.len().to_string(), setup, main], 0).await.ok()?;
            shell.ended().await
        };
        match tokio::time::timeout(timeout, hello).await {
            Ok(Some(report)) => {
                shell.process = report.process;
                shell.begun = report.moment;
                let mut inbox = shell.inbox.lock();
                inbox.finish();
                inbox.begin(report.moment);
                drop(inbox);
                Ok(shell)
            }
            Ok(None) => Err(SandboxError::Image(
                "bash does not start in the sandbox\nhint: it needs bash 4.4 or newer and /proc".to_owned(),
            )),
            Err(_) => Err(SandboxError::Lost(format!("bash did not start within {} s", timeout.as_secs()))),
        }
    }

    /// Sends a command whose output is kept up to `limit` bytes.
    pub(crate) async fn run(&mut self, script: &str, limit: usize) -> std::io::Result<()> {
        let check = script.contains('\n') || script.contains("<<");
        self.request(if check { "check" } else { "run" }, script, limit).await
    }

    /// Sends a command that is known to parse, or whose error in parsing may come late.
    pub(crate) async fn run_unchecked(&mut self, script: &str, limit: usize) -> std::io::Result<()> {
        self.request("run", script, limit).await
    }

    async fn request(&mut self, kind: &str, script: &str, limit: usize) -> std::io::Result<()> {
        let length = if script.len() > LONG { script.len().to_string() } else { String::new() };
        self.send(&[kind, &length, script], limit).await
    }

    async fn send(&mut self, fields: &[&str], limit: usize) -> std::io::Result<()> {
        let nonce = nonce();
        let mut request = Vec::new();
        for field in fields.iter().copied().chain([nonce.as_str()]) {
            request.extend_from_slice(field.as_bytes());
            request.push(0);
        }
        self.inbox.lock().expect(nonce, limit);
        self.input.write_all(&request).await?;
        self.input.flush().await
    }

    /// Waits for the end of the command; `None` when the shell has ended without a word.
    pub(crate) async fn ended(&mut self) -> Option<Report> {
        self.inbox.end().await
    }

    /// Ends the shell in good order: it runs its trap on EXIT.
    pub(crate) async fn close(self, timeout: Duration) {
        let Self { mut input, inbox, exit: _process, .. } = self;
        let end = async move {
            // A shell that has ended is closed.
            let _ = input.shutdown().await;
            drop(input);
            inbox.closed().await;
        };
        // One that has more to do may continue with it.
        let _ = tokio::time::timeout(timeout, end).await;
    }

    /// Returns the report on the command if it has come, or that of a shell that has ended.
    pub(crate) fn reported(&self) -> Option<Report> {
        self.inbox.lock().end().flatten()
    }

    /// Returns the report that has come, where the end of the shell is known from elsewhere.
    pub(crate) fn ended_by_now(&self) -> Option<Report> {
        let mut inbox = self.inbox.lock();
        inbox.close();
        inbox.end().flatten()
    }

    /// Returns bash source that exports what the shell did when a command last ended; empty if that was never known.
    pub(crate) fn exported(&self) -> String {
        self.inbox.lock().exported().to_owned()
    }

    /// Returns the output of the command so far, and forgets the command.
    pub(crate) fn finish(&mut self) -> Captured {
        self.inbox.lock().finish()
    }

    /// Returns the exit code of a shell that has ended, as far as it can be known.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(Duration::from_secs(2), &mut self.exit).await.ok().flatten()
    }

    /// Returns whether the shell has taken the command on.
    pub(crate) fn has_begun(&self) -> bool {
        self.inbox.lock().has_begun()
    }

    /// Returns when the command last printed something.
    pub(crate) fn last_output(&self) -> Instant {
        self.inbox.lock().last_output()
    }

    /// Returns the id of the shell's process inside its sandbox.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Returns the moment at which the shell was ready.
    pub(crate) fn begun(&self) -> ProcessTime {
        self.begun
    }
}

/// Reads all that comes, also between commands and after the end of the shell, so that no process in the background
/// ever waits for a reader.
async fn pump(mut chunks: futures_util::stream::BoxStream<'static, Chunk>, inbox: Arc<Shared>) {
    while let Some(chunk) = chunks.next().await {
        let mut locked = inbox.lock();
        let news = match chunk {
            Chunk::Output(bytes) => locked.output(&bytes),
            Chunk::Message(bytes) => locked.message(&bytes),
            Chunk::Closed => locked.close(),
        };
        drop(locked);
        if news {
            inbox.wake();
        }
    }
    inbox.lock().close();
    inbox.wake();
}
