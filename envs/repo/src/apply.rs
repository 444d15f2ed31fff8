//! Applies a patch in a fresh sandbox, in the ways of the official harnesses.

use std::time::Duration;

use env_core::{Dialect, EnvError, Patch};
use tool_core::{Command, ExecEnd, Sandbox, shell_quote};

use crate::scratch::write_scratch;

/// How long one way of applying may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Returns the commands that are tried one after another, each with the patch file as its last argument.
///
/// The originals but the latest run `patch` without `--forward`: it then takes a reversed patch for one to be undone and
/// makes a right one of it. Here no dialect does.
fn apply_commands(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::SweGym => &["git apply --allow-empty -v", "patch --batch --forward --fuzz=5 -p1 -i"],
        Dialect::SweBench4 => {
            &["git apply --verbose", "git apply --verbose --reject", "patch --batch --forward --fuzz=5 -p1 -i"]
        }
        Dialect::SweBench5 => &[
            "git apply --verbose",
            "git apply --verbose --3way",
            "git apply --verbose --reject",
            "patch --batch --forward --fuzz=5 -p1 -i",
        ],
    }
}

/// What came of applying a patch.
pub struct Applied {
    /// Whether one of the ways worked.
    pub success: bool,
    /// What the commands printed.
    pub log: String,
}

/// Applies `patch` to the repository.
///
/// # Errors
/// [`EnvError::Sandbox`] when the sandbox is broken; that no way worked is in [`Applied`].
pub async fn apply(sandbox: &dyn Sandbox, dialect: Dialect, patch: &Patch) -> Result<Applied, EnvError> {
    let mut contents = patch.0.clone();
    if !contents.ends_with('\n') {
        contents.push('\n');
    }
    let file = write_scratch(sandbox, "patch.diff", contents.as_bytes()).await?;
    let mut log = String::new();
    for (attempt, command) in apply_commands(dialect).iter().enumerate() {
        if attempt > 0 && dialect == Dialect::SweBench5 {
            // A failed attempt may leave half of the patch behind.
            run(sandbox, "git checkout -- . ; git clean -fd", &mut log).await?;
        }
        if run(sandbox, &format!("{command} {}", shell_quote(&file)), &mut log).await? {
            return Ok(Applied { success: true, log });
        }
    }
    if dialect == Dialect::SweBench5 {
        let check = format!("git apply --check --reverse {}", shell_quote(&file));
        if run(sandbox, &check, &mut log).await? {
            return Ok(Applied { success: true, log });
        }
    }
    Ok(Applied { success: false, log })
}

/// Runs a command in the repository and returns whether it ended with 0; its output goes to `log`.
async fn run(sandbox: &dyn Sandbox, command: &str, log: &mut String) -> Result<bool, EnvError> {
    let script = format!("cd {} || exit\n{command}", shell_quote(&sandbox.info().root));
    let output = sandbox.exec(Command::fresh(script).timeout(TIMEOUT)).await?;
    log.push_str("$ ");
    log.push_str(command);
    log.push('\n');
    log.push_str(&output.output);
    if !log.ends_with('\n') {
        log.push('\n');
    }
    if let ExecEnd::TimedOut(_) | ExecEnd::Silent(_) = output.end {
        log.push_str("The command ran into its time limit.\n");
    }
    Ok(output.success())
}
