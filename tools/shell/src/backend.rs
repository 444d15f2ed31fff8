//! The interface that a provider implements for its shells and files.

use std::fs::File;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;
use tool_core::{FileError, SandboxError, SandboxInfo, Stamp};

/// A place for shells and files: a container, or a folder of this machine.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns what is fixed about the sandbox.
    fn info(&self) -> &SandboxInfo;

    /// Starts bash in the root folder, with a clean environment and [`BOOT`](crate::BOOT) as its program.
    async fn open(&self) -> Result<Pipe, SandboxError>;

    /// Kills `shell` and everything that was started since `since`, except by older processes.
    async fn end_tree(&self, shell: u32, since: ProcessTime) -> Result<(), SandboxError>;

    /// Names the persistent shell, which [`Backend::end_background_if_full`] and [`Backend::end_background`] spare; 0
    /// when there is none.
    fn keep(&self, shell: u32);

    /// Ends the processes that commands left running if there are so many that the harness cannot start its own.
    async fn end_background_if_full(&self) -> Result<(), SandboxError>;

    /// Ends the processes that commands left running.
    async fn end_background(&self) -> Result<(), SandboxError>;

    /// Returns whether either of these two has ended anything since the last call.
    fn take_background_ended(&self) -> bool;

    /// Checks the limits while a command runs; called every [`Backend::check_every`].
    async fn check(&self, shell: u32) -> Result<Health, SandboxError>;

    /// Checks the limits once after a command has ended.
    async fn check_now(&self, shell: u32) -> Result<Health, SandboxError> {
        self.check(shell).await
    }

    /// Returns the time between two checks.
    fn check_every(&self) -> Duration;

    /// Returns what an error of a sandbox that had started comes from, by what the engine knows.
    async fn explain(&self, err: SandboxError) -> SandboxError {
        err
    }

    /// Returns how many processes the memory limit has killed so far.
    async fn oom_kills(&self) -> Result<u64, SandboxError>;

    /// Returns a path on the file system that takes what the sandbox writes, where it can be seen from here.
    fn disk(&self) -> Option<PathBuf>;

    /// Returns how many bytes the sandbox has written and still holds, as far as that can be told.
    async fn written(&self) -> Option<u64>;

    /// See [`tool_core::Sandbox::read_file`]; `path` is absolute.
    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// See [`tool_core::Sandbox::write_file`]; `path` is absolute.
    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError>;

    /// See [`tool_core::Sandbox::stamp`]; `path` is absolute.
    async fn stamp(&self, path: &str) -> Option<Stamp> {
        let _ = path;
        None
    }

    /// See [`tool_core::Sandbox::archive`]; `path` is absolute and has a last component.
    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// See [`tool_core::Sandbox::export`]; `path` is absolute and has a last component.
    async fn export(&self, path: &str) -> Result<File, FileError> {
        Err(unsupported(path))
    }

    /// See [`tool_core::Sandbox::import`]; `folder` is absolute.
    async fn import(&self, folder: &str, archive: File) -> Result<(), FileError> {
        drop(archive);
        Err(unsupported(folder))
    }

    /// Removes everything; a second call does nothing.
    async fn remove(&self) -> Result<(), SandboxError>;

    /// Removes everything in the background.
    fn remove_in_background(&self);
}

fn unsupported(path: &str) -> FileError {
    let reason = "nothing but the sandbox itself reaches its files".to_owned();
    FileError::Refused { path: path.to_owned(), reason }
}

/// A running bash: what goes in, what comes out.
pub struct Pipe {
    /// Standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Ends when both streams have ended.
    pub chunks: BoxStream<'static, Chunk>,
    /// Resolves to the exit code once the process has ended.
    pub exit: BoxFuture<'static, Option<i32>>,
    /// Tells the time in place of the shell, which costs the shell more: where its processes are those that this program
    /// sees in `/proc`.
    pub clock: Option<Clock>,
}

/// Returns the present moment as the kernel counts it for new processes; `None` where `/proc` cannot be read.
pub type Clock = fn() -> Option<ProcessTime>;

/// A piece of what comes out of a [`Pipe`].
pub enum Chunk {
    /// Of standard output: the output of commands.
    Output(Bytes),
    /// Of standard error: messages of the driver.
    Message(Bytes),
    /// No more messages will come: the process has ended, though others may hold its output open.
    Closed,
}

/// A start time of processes: what started earlier, or at the same tick with a lower id, is older.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessTime {
    /// Clock ticks since boot.
    pub ticks: u64,
    /// The last process id given out.
    pub last: u32,
}

/// Clock ticks in a second, as the kernel counts them for programs; the same on all systems that run bash.
const TICKS: u64 = 100;

impl ProcessTime {
    /// Returns the present moment; `None` where `/proc` cannot be read.
    pub fn now() -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(file).ok();
        Self::parse(read("/proc/uptime")?.trim_end(), read("/proc/loadavg")?.trim_end())
    }

    /// Parses the lines of `/proc/uptime` and `/proc/loadavg`.
    pub(crate) fn parse(uptime: &str, loadavg: &str) -> Option<Self> {
        let (seconds, hundredths) = uptime.split(' ').next()?.split_once('.')?;
        let ticks = seconds.parse::<u64>().ok()?.checked_mul(TICKS)?.checked_add(hundredths.parse().ok()?)?;
        Some(Self { ticks, last: loadavg.rsplit(' ').next()?.parse().ok()? })
    }
}

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Good,
    /// The shell has ended.
    Dead,
    /// The processes use more memory than allowed.
    Memory,
    /// There are more processes than allowed.
    Pids,
    /// There are as many processes as allowed, and it stays so.
    Full,
}
