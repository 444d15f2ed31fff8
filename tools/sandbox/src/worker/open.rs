//! How a worker gets its shells ready.

use std::time::Duration;

use tool_core::{SandboxError, shell_quote};

use super::{Worker, lost};
use crate::clean;
use crate::shell::{Report, Shell};

/// Output kept of commands of our own.
const OWN_OUTPUT: usize = 4 << 10;
/// Bringing back a state takes no longer unless something is wrong with it.
const RESTORE: Duration = Duration::from_secs(20);

impl Worker {
    pub(super) async fn open(&mut self) -> Result<Shell, SandboxError> {
        let shell = Shell::start(self.backend.open().await?, self.config.start_timeout()).await?;
        self.moment = shell.begun();
        Ok(shell)
    }

    /// Starts a persistent shell with the state of the one before, or anew in the last known directory.
    pub(super) async fn open_persistent(&mut self) -> Result<Shell, SandboxError> {
        let mut shell = self.open().await?;
        let go_back = format!("builtin cd -- {}", shell_quote(&self.cwd));
        if let Some(state) = self.state.take() {
            match self.run_own(&mut shell, &format!("{state}\n{go_back}"), RESTORE).await {
                Ok(_) => return Ok(shell),
                Err(err) => tracing::warn!("the state of the shell could not be brought back: {err}"),
            }
            self.lost_state = true;
            shell = self.open().await?;
        }
        let cwd = self.run_startup(&mut shell).await?;
        if self.cwd == self.backend.info().root {
            self.cwd = cwd;
        } else {
            self.run_own(&mut shell, &go_back, RESTORE).await?;
        }
        Ok(shell)
    }

    /// Goes to the repository, if it is still there, and runs the startup commands of the image; returns the directory
    /// to which they lead.
    pub(super) async fn run_startup(&mut self, shell: &mut Shell) -> Result<String, SandboxError> {
        let (root, startup) = (shell_quote(&self.backend.info().root), self.startup.trim().to_owned());
        let go = format!("builtin cd -- {root} || builtin cd /; builtin unset -v OLDPWD");
        let (report, output) = self.run_own(shell, &format!("{go}\n{startup}"), self.config.start_timeout()).await?;
        if report.ending || (report.status != 0 && !startup.is_empty()) {
            return Err(SandboxError::Image(format!(
                "the startup commands of the image failed with exit code {}: `{startup}`\n{}",
                report.status,
                output.trim_end()
            )));
        }
        Ok(report.cwd)
    }

    /// Runs a command of our own in a shell.
    async fn run_own(
        &mut self,
        shell: &mut Shell,
        script: &str,
        patience: Duration,
    ) -> Result<(Report, String), SandboxError> {
        shell.run_unchecked(script, OWN_OUTPUT).await.map_err(|err| lost(&err))?;
        let report = tokio::time::timeout(patience, shell.ended()).await.ok().flatten();
        let output = clean::captured(&shell.finish());
        let Some(report) = report else {
            return Err(SandboxError::Lost(format!(
                "the shell of the sandbox did not get ready\n{}",
                output.trim_end()
            )));
        };
        self.moment = report.moment;
        Ok((report, output))
    }
}
