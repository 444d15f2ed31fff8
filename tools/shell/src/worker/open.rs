//! How a worker gets its shells ready.

use std::time::Duration;

use tool_core::{SandboxError, shell_quote};

use super::{Worker, lost};
use crate::clean;
use crate::protocol::{Report, Shell};

/// Output kept of commands of our own.
const OWN_OUTPUT: usize = 4 << 10;
/// Going back to a directory takes no longer unless something is wrong with it.
const RESTORE: Duration = Duration::from_secs(20);

impl Worker {
    /// Starts a shell, at the cost of what commands have left running if there is no other way.
    async fn open(&mut self) -> Result<Shell, SandboxError> {
        if !self.started {
            return self.open_once().await;
        }
        self.backend.end_background_if_full().await?;
        match self.open_once().await {
            Ok(shell) => Ok(shell),
            Err(err) => {
                tracing::debug!("another shell is tried without the processes of commands: {err}");
                self.backend.end_background().await?;
                self.open_once().await
            }
        }
    }

    async fn open_once(&mut self) -> Result<Shell, SandboxError> {
        let shell = Shell::start(self.backend.open().await?, self.config.start_timeout()).await?;
        self.moment = shell.begun();
        Ok(shell)
    }

    /// Starts a persistent shell, with the directory and the exported variables of the one before.
    pub(super) async fn open_persistent(&mut self) -> Result<Shell, SandboxError> {
        loop {
            let (mut shell, cwd, complaint) = self.open_started().await?;
            self.notes.extend(complaint);
            let Some(exported) = self.exported.take() else {
                self.cwd = cwd;
                self.backend.keep(shell.process());
                return Ok(shell);
            };
            let script = format!("{exported}\nbuiltin cd -- {}", shell_quote(&self.cwd));
            match self.run_own(&mut shell, &script, RESTORE).await {
                Ok((report, _)) if !report.ending => {
                    self.cwd = report.cwd;
                    self.backend.keep(shell.process());
                    return Ok(shell);
                }
                // What a command has exported has ended the shell: the next one begins without.
                Ok(_) => {}
                Err(err) => tracing::debug!("the next shell starts fresh: {err}"),
            }
            self.backend.end_tree(shell.process(), shell.begun()).await?;
        }
    }

    /// Starts a shell in the repository, if that is still there, and runs the startup commands of the image; returns
    /// the directory to which they lead, and what went wrong with them. Once they have worked, they may fail: a command
    /// may have broken what they need.
    pub(super) async fn open_started(&mut self) -> Result<(Shell, String, Option<String>), SandboxError> {
        let mut shell = self.open().await?;
        let startup = self.startup.trim().to_owned();
        let timeout = self.config.start_timeout().min(if self.started { RESTORE } else { Duration::MAX });
        let complaint = match self.run_startup(&mut shell, &startup, timeout).await {
            Ok((report, _)) if !report.ending && (report.status == 0 || startup.is_empty()) => {
                self.started = true;
                return Ok((shell, report.cwd, None));
            }
            Ok((report, output)) => {
                let (status, output) = (report.status, output.trim_end());
                let complaint =
                    format!("the startup commands of the image failed with exit code {status}: `{startup}`\n{output}");
                if !self.started {
                    return Err(SandboxError::Image(complaint));
                }
                if !report.ending {
                    return Ok((shell, report.cwd, Some(complaint)));
                }
                complaint
            }
            Err(err) if !self.started => return Err(err),
            Err(_) => {
                self.backend.end_tree(shell.process(), shell.begun()).await?;
                let hung = std::mem::take(&mut self.startup);
                format!("the startup commands of the image did not end and will not be run again: `{}`", hung.trim())
            }
        };
        shell = self.open().await?;
        let (report, _) = self.run_startup(&mut shell, "", RESTORE).await?;
        Ok((shell, report.cwd, Some(complaint)))
    }

    async fn run_startup(
        &mut self,
        shell: &mut Shell,
        startup: &str,
        timeout: Duration,
    ) -> Result<(Report, String), SandboxError> {
        let root = shell_quote(&self.backend.info().root);
        let go = format!("builtin cd -- {root} || builtin cd /; builtin unset -v OLDPWD");
        self.run_own(shell, &format!("{go}\n{startup}"), timeout).await
    }

    /// Runs a command of our own in a shell.
    async fn run_own(
        &mut self,
        shell: &mut Shell,
        script: &str,
        timeout: Duration,
    ) -> Result<(Report, String), SandboxError> {
        let ran = async {
            shell.run_unchecked(script, OWN_OUTPUT).await.map_err(|err| lost(&err))?;
            Ok::<_, SandboxError>(shell.ended().await)
        };
        let report = tokio::time::timeout(timeout, ran).await.unwrap_or(Ok(None))?;
        let output = clean::captured(&shell.finish());
        let Some(report) = report else {
            return Err(SandboxError::Lost(format!(
                "the shell of the sandbox did not become ready\n{}",
                output.trim_end()
            )));
        };
        self.moment = report.moment;
        Ok((report, output))
    }
}
