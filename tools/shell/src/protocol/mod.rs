//! A bash that takes commands from a pipe, and what it says of them.
//!
//! The host sends a request (a digit, the length of the command, the command) and, unread until the command has ended,
//! a nonce. The driver writes the nonce to standard output after the command's own output, and a message to standard
//! error, which no command holds: the command's exit code and the shell's directory. Another message holds what the
//! shell exports; it follows after, as nobody waits for it, and goes before the last report of a shell.
//!
//! bash reads a pipe byte by byte unless it is told how much to read, and writes each line by itself: so all that is
//! sent has its length in front, and all messages but the last are one line.

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

/// The program that a shell is started with; it reads two lengths of eleven digits, the driver's setup and its loop from
/// its standard input.
pub const BOOT: &str = "builtin read -r -N 22 __spotter_boot; \
    builtin read -r -N \"${__spotter_boot::11}\" __spotter_setup; \
    builtin read -r -N \"${__spotter_boot:11}\" __spotter_boot; \
    builtin eval \"$__spotter_setup\"; builtin eval \"$__spotter_boot\"";

/// The driver, and the line that parts its setup from its loop.
const DRIVER: &str = include_str!("driver.sh");
const LOOP: &str = "#--- loop";

/// Returns what a shell reads first. `reads_clock` is whether it shall say when a command has ended.
fn hello(reads_clock: bool) -> String {
    let (setup, main) = DRIVER.split_once(LOOP).unwrap_or((DRIVER, ""));
    let code = |text: &'static str| text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut sent = format!("__spotter_clock={}\n", if reads_clock { "1" } else { "" });
    code(setup).for_each(|line| {
        sent.push_str(line);
        sent.push('\n');
    });
    let main = code(main).find(|line| !line.is_empty()).unwrap_or_default();
    format!("{:011}{:011}{sent}{main}", sent.len(), main.len())
}

/// Returns what a shell reads for a command. The first digit says whether it is parsed before it runs (1 and 3), and
/// whether its length is in bytes, not in the characters that `read` counts (2 and 3).
fn request(check: bool, script: &str) -> String {
    let (in_bytes, end) = if script.is_ascii() { (0, "") } else { (2, "\0") };
    format!("{}{:011}{script}{end}", u8::from(check) + in_bytes, script.len())
}

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
        let inbox = Arc::new(Shared::new(pipe.clock));
        tokio::spawn(pump(pipe.chunks, inbox.clone()));
        let mut shell = Self { input: pipe.input, inbox, exit: pipe.exit, process: 0, begun: ProcessTime::default() };
        let hello = async {
            shell.send(hello(pipe.clock.is_none()), 0).await.ok()?;
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
        self.send(request(check, script), limit).await
    }

    /// Sends a command that is known to parse, or whose error in parsing may come late.
    pub(crate) async fn run_unchecked(&mut self, script: &str, limit: usize) -> std::io::Result<()> {
        self.send(request(false, script), limit).await
    }

    /// Sends text, and a nonce to know the end of its output by.
    async fn send(&mut self, mut text: String, limit: usize) -> std::io::Result<()> {
        let nonce = nonce();
        text.push_str(&nonce);
        self.inbox.lock().expect(nonce, limit);
        self.input.write_all(text.as_bytes()).await?;
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
