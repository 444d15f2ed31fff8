//! The one task of a sandbox that runs its commands, one after the other.

mod disk;
mod open;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tool_core::{Command, ExecEnd, ExecOutput, Interrupt, SandboxConfig, SandboxError, Shell as Kind};

use self::disk::DiskWatch;
use crate::backend::{Backend, Health, ProcessTime};
use crate::capture::Captured;
use crate::clean;
use crate::protocol::{Report, Shell};

/// The exit code of a shell that was killed.
const KILLED: i32 = 137;
/// A command that takes less time does not fill the memory.
const QUICK: Duration = Duration::from_millis(50);

/// Longest time after a command until a look at what it has left running.
const LOOK_AFTER: Duration = Duration::from_millis(300);

/// Time between two looks at the disk while no command runs.
const DISK_LOOK: Duration = Duration::from_secs(5);

/// A command, and where to answer; dropping the receiver cancels the command.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<ExecOutput, SandboxError>>,
}

/// Runs the commands of a sandbox, one after the other.
pub(crate) struct Worker {
    backend: Arc<dyn Backend>,
    config: SandboxConfig,
    startup: String,
    stopped: CancellationToken,
    shell: Option<Shell>,
    /// Bash source that exports what the last shell did; `None` as long as no shell has ended.
    exported: Option<String>,
    /// Whether a shell has ended between two commands, which no one has been told.
    restarted: bool,
    /// Whether the startup commands of the image have worked once.
    started: bool,
    /// What the next output of the persistent shell has to say besides.
    notes: Vec<String>,
    cwd: String,
    /// When the last command ended: what has begun since belongs to the one that runs.
    moment: ProcessTime,
    oom_kills: u64,
    /// Whether the command that runs has filled the sandbox with processes, which were ended.
    filled: bool,
    disk: DiskWatch,
}

/// How a command ended, before it is known what became of the shell.
enum Finish {
    Reported(Report),
    Died,
    Limit(ExecEnd),
    Cancelled,
}

impl Worker {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        config: SandboxConfig,
        startup: String,
        stopped: CancellationToken,
    ) -> Self {
        let cwd = backend.info().root.clone();
        let disk = DiskWatch::new(config.disk.0);
        Self {
            backend,
            config,
            startup,
            stopped,
            shell: None,
            exported: None,
            restarted: false,
            started: false,
            notes: Vec::new(),
            cwd,
            moment: ProcessTime::default(),
            oom_kills: 0,
            filled: false,
            disk,
        }
    }

    /// Starts the persistent shell.
    pub(crate) async fn start(&mut self) -> Result<(), SandboxError> {
        let shell = self.open_persistent().await?;
        self.shell = Some(shell);
        Ok(())
    }

    /// Runs the jobs until the sandbox is stopped or dropped.
    pub(crate) async fn work(mut self, mut jobs: mpsc::Receiver<Job>) {
        let stopped = self.stopped.clone();
        stopped
            .run_until_cancelled(async {
                while let Some(Job { command, mut reply }) = self.next(&mut jobs).await {
                    if reply.is_closed() {
                        continue;
                    }
                    let result = self.exec(&command, reply.closed()).await;
                    let _ = reply.send(result);
                    // Another shell is started while the model thinks.
                    if self.shell.is_none()
                        && let Err(err) = self.start().await
                    {
                        tracing::debug!("the next command tries again: {err}");
                    }
                }
            })
            .await;
    }

    /// Waits for the next job. After a while without one, it looks once at what the last has left running.
    async fn next(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        let pause = LOOK_AFTER.min(self.backend.check_every());
        if let Ok(job) = tokio::time::timeout(pause, jobs.recv()).await {
            return job;
        }
        if let Some(shell) = &self.shell
            && let Ok(Health::Pids | Health::Full) = self.backend.check_now(shell.process()).await
            && let Err(err) = self.backend.end_background().await
        {
            tracing::debug!("the next command tries again: {err}");
        }
        loop {
            if let Ok(job) = tokio::time::timeout(DISK_LOOK, jobs.recv()).await {
                return job;
            }
            if self.disk.is_full(&*self.backend, false).await
                && let Err(err) = self.backend.end_background().await
            {
                tracing::debug!("the next command tries again: {err}");
            }
        }
    }

    async fn exec(
        &mut self,
        command: &Command,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ExecOutput, SandboxError> {
        self.filled = false;
        if let Some(place) = command.script.find('\0') {
            let output = format!("bash: NUL byte at offset {place}: a command cannot hold one\n");
            return Ok(self.output(output, ExecEnd::SyntaxError, 0));
        }
        if command.exclusive {
            self.backend.end_background().await?;
        }
        match command.shell {
            Kind::Persistent => self.exec_persistent(command, cancelled).await,
            Kind::Fresh => self.exec_fresh(command, cancelled).await,
        }
    }

    fn output(&self, output: String, end: ExecEnd, omitted: u64) -> ExecOutput {
        ExecOutput { output, omitted, end, restarted: false, cwd: self.cwd.clone(), elapsed: Duration::ZERO }
    }

    async fn exec_persistent(
        &mut self,
        command: &Command,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ExecOutput, SandboxError> {
        let limit = command.max_output.unwrap_or_else(|| self.config.max_output());
        let mut retried = false;
        tokio::pin!(cancelled);
        let (mut shell, begun, finish) = loop {
            let mut shell = match self.shell.take() {
                Some(shell) => shell,
                None => self.open_persistent().await?,
            };
            let begun = Instant::now();
            // A shell that something has stopped takes no more than a pipe holds.
            let total = self.total(command);
            let sent = tokio::select! {
                sent = shell.run(&command.script, limit) => sent.map_err(|_| Finish::Died),
                () = tokio::time::sleep(total) => Err(Finish::Limit(ExecEnd::TimedOut(total))),
                () = &mut cancelled => Err(Finish::Cancelled),
            };
            let finish = match sent {
                Ok(()) => self.wait(&mut shell, command, begun, &mut cancelled).await?,
                Err(finish) => finish,
            };
            // A shell that was killed between two commands has run nothing of this one.
            if matches!(finish, Finish::Died) && !shell.has_begun() && !retried {
                self.exported = Some(shell.exported());
                (retried, self.restarted) = (true, true);
                continue;
            }
            break (shell, begun, finish);
        };
        let died = matches!(finish, Finish::Died);
        let (end, stays) = self.settle(&mut shell, finish).await?;
        let captured = shell.finish();
        let restarted = std::mem::take(&mut self.restarted) || !stays;
        if stays {
            self.shell = Some(shell);
        } else {
            self.exported = Some(shell.exported());
        }
        let end = self.check_out_of_memory(end, died, begun.elapsed()).await?;
        let mut output = ExecOutput { restarted, elapsed: begun.elapsed(), ..self.present(&captured, end) };
        if output.end == ExecEnd::TooManyProcesses {
            // It says so itself.
            self.backend.take_background_ended();
        }
        output.output.insert_str(0, &self.take_notes());
        Ok(output)
    }

    fn take_notes(&mut self) -> String {
        if self.backend.take_background_ended() {
            self.notes.push("the processes in the background were ended to make room".to_owned());
        }
        std::mem::take(&mut self.notes).iter().map(|note| format!("[{}]\n", note.trim_end())).collect()
    }

    async fn exec_fresh(
        &mut self,
        command: &Command,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ExecOutput, SandboxError> {
        let (mut shell, mut cwd, _) = self.open_started().await?;
        let begun = Instant::now();
        let limit = command.max_output.unwrap_or_else(|| self.config.max_output());
        shell.run(&command.script, limit).await.map_err(|err| lost(&err))?;
        let finish = self.wait(&mut shell, command, begun, cancelled).await?;
        let (end, died) = match finish {
            Finish::Reported(report) => {
                self.moment = report.moment;
                cwd.clone_from(&report.cwd);
                (ended(&report), false)
            }
            Finish::Died => (ExecEnd::Exited(shell.exit_code().await.unwrap_or(KILLED)), true),
            Finish::Limit(_) | Finish::Cancelled => {
                self.backend.end_tree(shell.process(), self.moment).await?;
                (limit_of(&finish), false)
            }
        };
        let (captured, elapsed) = (shell.finish(), begun.elapsed());
        let timeout = if command.script.contains("trap") { self.config.grace } else { 0 };
        shell.close(Duration::from_secs(timeout)).await;
        let end = self.check_out_of_memory(end, died, elapsed).await?;
        Ok(ExecOutput { cwd, elapsed, ..self.present(&captured, end) })
    }

    /// Turns what was captured into text without traces of ourselves: the function in front of the first line, and
    /// bash's word on the process that we killed.
    fn present(&self, captured: &Captured, end: ExecEnd) -> ExecOutput {
        let mut output = clean::captured(captured);
        match end {
            ExecEnd::Exited(_) => {}
            ExecEnd::SyntaxError => output = output.replace("__spotter_begin && builtin :; ", ""),
            _ => loop {
                let start = output.trim_end_matches('\n').rfind('\n').map_or(0, |end| end + 1);
                let last = &output[start..];
                if !last.starts_with("bash: line ") || !last.contains(" Killed ") {
                    break;
                }
                output.truncate(start);
            },
        }
        self.output(output, end, captured.omitted)
    }

    /// Waits until the command ends or reaches a limit.
    async fn wait(
        &mut self,
        shell: &mut Shell,
        command: &Command,
        begun: Instant,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Finish, SandboxError> {
        let finish = self.watch(shell, command, begun, cancelled).await?;
        // It may have ended at the same moment.
        Ok(match finish {
            Finish::Limit(_) => shell.reported().map_or(finish, Finish::Reported),
            finish => finish,
        })
    }

    /// Returns how long a command may take in all.
    fn total(&self, command: &Command) -> Duration {
        command.timeout.unwrap_or(Duration::from_secs(self.config.timeout))
    }

    async fn watch(
        &mut self,
        shell: &mut Shell,
        command: &Command,
        begun: Instant,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Finish, SandboxError> {
        let total = self.total(command);
        let idle = command.idle_timeout.unwrap_or(Duration::from_secs(self.config.idle_timeout));
        let deadline = tokio::time::sleep_until((begun + total).into());
        let interrupted = interrupted(command.interrupt.as_ref());
        tokio::pin!(deadline, interrupted, cancelled);
        let mut checks =
            tokio::time::interval_at((begun + self.backend.check_every()).into(), self.backend.check_every());
        let process = shell.process();
        loop {
            let silent_at = shell.last_output() + idle.min(total);
            tokio::select! {
                end = shell.ended() => return Ok(end.map_or(Finish::Died, Finish::Reported)),
                () = &mut cancelled => return Ok(Finish::Cancelled),
                () = &mut interrupted => return Ok(Finish::Limit(ExecEnd::Interrupted)),
                () = &mut deadline => return Ok(Finish::Limit(ExecEnd::TimedOut(total))),
                () = tokio::time::sleep_until(silent_at.into()) => {}
                _ = checks.tick() => match self.backend.check(process).await? {
                    Health::Good if self.disk.is_full(&*self.backend, true).await => {
                        // What an earlier command has left running may be what writes.
                        self.backend.end_background().await?;
                        return Ok(Finish::Limit(ExecEnd::DiskFull));
                    }
                    Health::Good => {}
                    Health::Dead => return Ok(shell.ended_by_now().map_or(Finish::Died, Finish::Reported)),
                    Health::Memory => return Ok(Finish::Limit(ExecEnd::OutOfMemory)),
                    // Once all others are gone, the shell may continue by itself.
                    Health::Full if !self.filled => {
                        self.filled = true;
                        self.backend.end_background().await?;
                    }
                    Health::Pids | Health::Full => return Ok(Finish::Limit(ExecEnd::TooManyProcesses)),
                },
            }
            if idle < total && shell.last_output() + idle <= Instant::now() {
                return Ok(Finish::Limit(ExecEnd::Silent(idle)));
            }
        }
    }

    /// Kills what has to be killed, and notes what the shell reports; returns how the command ended, and whether the
    /// shell stays.
    async fn settle(&mut self, shell: &mut Shell, finish: Finish) -> Result<(ExecEnd, bool), SandboxError> {
        let (end, report) = match finish {
            Finish::Reported(report) => (ended(&report), Some(report)),
            Finish::Died => (ExecEnd::Exited(shell.exit_code().await.unwrap_or(KILLED)), None),
            Finish::Limit(_) | Finish::Cancelled => {
                self.backend.end_tree(shell.process(), self.moment).await?;
                // The command may have ended by itself in the meantime.
                let report = shell.ended_by_now().map(|report| Report { ending: true, ..report });
                (report.as_ref().map_or(limit_of(&finish), ended), report)
            }
        };
        let Some(report) = report else { return Ok((end, false)) };
        self.moment = report.moment;
        self.cwd = report.cwd;
        Ok((end, !report.ending))
    }

    /// Says that the memory limit ended a command if it killed something and the command was killed.
    ///
    /// It looks after most commands, so that what was killed in one that continued is not blamed on a later one.
    async fn check_out_of_memory(
        &mut self,
        end: ExecEnd,
        died: bool,
        elapsed: Duration,
    ) -> Result<ExecEnd, SandboxError> {
        if self.filled && matches!(end, ExecEnd::Exited(1..)) {
            return Ok(ExecEnd::TooManyProcesses);
        }
        if !died && end == ExecEnd::Exited(0) && elapsed < QUICK {
            return Ok(end);
        }
        let before = std::mem::replace(&mut self.oom_kills, self.backend.oom_kills().await?);
        let killed = died || matches!(end, ExecEnd::Exited(KILLED) | ExecEnd::OutOfMemory);
        Ok(if killed && self.oom_kills > before { ExecEnd::OutOfMemory } else { end })
    }
}

fn ended(report: &Report) -> ExecEnd {
    if report.ran { ExecEnd::Exited(report.status) } else { ExecEnd::SyntaxError }
}

fn limit_of(finish: &Finish) -> ExecEnd {
    if let Finish::Limit(end) = finish { *end } else { ExecEnd::Interrupted }
}

fn lost(err: &std::io::Error) -> SandboxError {
    SandboxError::Lost(format!("the shell of the sandbox cannot be reached: {err}"))
}

async fn interrupted(interrupt: Option<&Interrupt>) {
    match interrupt {
        Some(interrupt) => interrupt.triggered().await,
        None => std::future::pending().await,
    }
}
