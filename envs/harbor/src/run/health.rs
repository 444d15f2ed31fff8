//! Waits until what a task's environment starts is there.

use std::time::{Duration, Instant};

use env_core::EnvError;
use tool_core::{Command, Sandbox, SandboxError};

use super::verify::seconds;
use crate::task::Healthcheck;

/// Runs a health check until it succeeds.
///
/// # Errors
/// When it has failed as often in a row as the task allows; what it does before the end of its start period does not
/// count.
pub(crate) async fn wait_healthy(sandbox: &dyn Sandbox, check: &Healthcheck) -> Result<(), EnvError> {
    let begin = Instant::now();
    let grace = seconds(check.start_period_sec);
    let mut failures = 0;
    loop {
        let starting = begin.elapsed() < grace;
        let output = sandbox.exec(Command::fresh(check.command.clone()).timeout(seconds(check.timeout_sec))).await?;
        if output.success() {
            return Ok(());
        }
        failures += u32::from(!starting);
        if failures >= check.retries.max(1) {
            let said = output.output.trim();
            let reason = format!("the health check `{}` failed {failures} times: {said}", check.command);
            return Err(SandboxError::Lost(reason).into());
        }
        let pause = if starting { check.start_interval_sec } else { check.interval_sec };
        tokio::time::sleep(seconds(pause).min(Duration::from_secs(600))).await;
    }
}
