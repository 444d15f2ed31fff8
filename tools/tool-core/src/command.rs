//! One command for a sandbox, and its output.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// A bash script to run in a sandbox.
#[derive(Debug, Clone)]
pub struct Command {
    /// The bash source. It is sent as data and may contain anything but NUL bytes.
    pub script: String,
    /// Which shell runs it.
    pub shell: Shell,
    /// Wall-clock limit; `None` uses the sandbox's configured default.
    pub timeout: Option<Duration>,
    /// Limit on the time without new output; `None` uses the sandbox's configured default.
    pub idle_timeout: Option<Duration>,
    /// Bytes of output to keep, half head and half tail; `None` uses the sandbox's configured default.
    pub max_output: Option<usize>,
    /// Interrupts the command while it runs, when given.
    pub interrupt: Option<Interrupt>,
    /// Whether the processes that earlier commands left running are ended first.
    pub exclusive: bool,
}

/// Which shell runs a [`Command`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// The sandbox's one persistent shell: directory, variables, functions and jobs survive.
    Persistent,
    /// A new shell with a clean environment, for the harness's own work: nothing that the agent set can affect it.
    Fresh,
}

impl Command {
    /// Returns a command for the persistent shell.
    pub fn new(script: impl Into<String>) -> Self {
        Self {
            script: script.into(),
            shell: Shell::Persistent,
            timeout: None,
            idle_timeout: None,
            max_output: None,
            interrupt: None,
            exclusive: false,
        }
    }

    /// Returns a command for a fresh shell with a clean environment.
    pub fn fresh(script: impl Into<String>) -> Self {
        Self { shell: Shell::Fresh, ..Self::new(script) }
    }

    /// Sets the wall-clock limit, and the same limit on silence.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets the limit on the time without new output.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets how many bytes of output are kept.
    #[must_use]
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = Some(bytes);
        self
    }

    /// Ends the processes that earlier commands left running, so that none interferes.
    #[must_use]
    pub fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    /// Lets `interrupt` stop the command while it runs.
    #[must_use]
    pub fn interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = Some(interrupt);
        self
    }
}

/// A handle that interrupts a running command from another task, as Ctrl-C would.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Notify>);

impl Interrupt {
    /// Interrupts the command that carries this handle; one that starts later is interrupted at its start.
    pub fn trigger(&self) {
        self.0.notify_one();
    }

    /// Waits until [`Interrupt::trigger`] is called.
    pub async fn triggered(&self) {
        self.0.notified().await;
    }
}

/// The output of a command. A non-zero exit code is data, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Standard output and standard error as they came, as clean text: no NUL, no ANSI codes, progress bars folded.
    pub output: String,
    /// Bytes cut from the middle of the output.
    pub omitted: u64,
    /// How the command ended.
    pub end: ExecEnd,
    /// Whether the shell ended and is restarted, with the directory and the exported variables that it had after the
    /// previous command.
    pub restarted: bool,
    /// The shell's working directory after the command; empty when it is not known.
    pub cwd: String,
    /// Wall-clock time, from sending the command to its end.
    pub elapsed: Duration,
}

impl ExecOutput {
    /// Returns the whole output of a command that ended in the directory `cwd`.
    pub fn new(output: impl Into<String>, end: ExecEnd, cwd: impl Into<String>, elapsed: Duration) -> Self {
        Self { output: output.into(), omitted: 0, end, restarted: false, cwd: cwd.into(), elapsed }
    }

    /// Returns the exit code, by the usual conventions where there is none: 124 timed out, 130 interrupted, 137 killed.
    pub fn exit_code(&self) -> i32 {
        match self.end {
            ExecEnd::Exited(code) => code,
            ExecEnd::TimedOut(_) | ExecEnd::Silent(_) => 124,
            ExecEnd::Interrupted => 130,
            ExecEnd::OutOfMemory | ExecEnd::TooManyProcesses | ExecEnd::DiskFull => 137,
            ExecEnd::SyntaxError => 2,
        }
    }

    /// Returns whether the command ran to its end with exit code 0.
    pub fn success(&self) -> bool {
        self.end == ExecEnd::Exited(0)
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecEnd {
    /// It ended by itself, with this exit code.
    Exited(i32),
    /// It reached the wall-clock limit and its process tree was killed.
    TimedOut(Duration),
    /// It printed nothing for this long and its process tree was killed.
    Silent(Duration),
    /// It was interrupted and its process tree was killed.
    Interrupted,
    /// The memory limit of the sandbox killed it.
    OutOfMemory,
    /// It filled the sandbox with processes and was killed with all of them.
    TooManyProcesses,
    /// It exceeded the disk limit of the sandbox, and its process tree was killed.
    DiskFull,
    /// Bash could not parse it, so nothing of it ran.
    SyntaxError,
}

/// Returns `text` as one bash word, in single quotes.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
