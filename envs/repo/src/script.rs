//! Runs the embedded scripts and reads their answers.

use std::time::Duration;

use env_core::EnvError;
use tool_core::{Command, ExecEnd, ExecOutput, Sandbox, SandboxError, shell_quote};

/// Large repositories on slow disks take minutes; nothing healthy takes this long.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// What every script starts with.
pub(crate) const PRELUDE: &str = include_str!("scripts/prelude.sh");

/// The functions that bring an index to the state of the working tree.
pub(crate) const SNAPSHOT: &str = include_str!("scripts/snapshot.sh");

/// Runs `parts` as one script in a fresh shell with `variables` set, and returns its answers by key.
pub(crate) async fn run(
    sandbox: &dyn Sandbox,
    variables: &[(&str, &str)],
    parts: &[&str],
) -> Result<Answers, EnvError> {
    let command = Command::fresh(source(sandbox, variables, parts)).timeout(TIMEOUT);
    answer(sandbox.exec(command).await?)
}

/// Does what [`run`] does once nothing else runs in the sandbox, on a tree that a solver left.
///
/// # Errors
/// As [`run`]; a tree with which the script comes to no end within the sandbox's limits is an [`EnvError::Patch`]: a solver
/// made it.
pub(crate) async fn run_exclusively(
    sandbox: &dyn Sandbox,
    variables: &[(&str, &str)],
    parts: &[&str],
) -> Result<Answers, EnvError> {
    let command = Command::fresh(source(sandbox, variables, parts)).exclusive().timeout(TIMEOUT);
    let output = sandbox.exec(command).await?;
    let limit = match output.end {
        ExecEnd::TimedOut(_) | ExecEnd::Silent(_) => "time",
        ExecEnd::OutOfMemory => "memory",
        ExecEnd::TooManyProcesses => "processes",
        ExecEnd::DiskFull => "disk",
        ExecEnd::Exited(_) | ExecEnd::Interrupted | ExecEnd::SyntaxError => return answer(output),
    };
    Err(EnvError::Patch(format!("the working tree cannot be read within the sandbox's limit of {limit}")))
}

/// Returns the whole script.
fn source(sandbox: &dyn Sandbox, variables: &[(&str, &str)], parts: &[&str]) -> String {
    let mut script = String::new();
    for (name, value) in variables {
        script.push_str(&format!("{name}={}\n", shell_quote(value)));
    }
    script.push_str(&format!("scratch={}\n", shell_quote(&sandbox.info().scratch)));
    // In a shell of its own, so that its trap on exit is run whatever the sandbox does at the end of a command.
    script.push_str("(\n");
    for part in [PRELUDE].iter().chain(parts) {
        script.push_str(part);
    }
    script.push_str("\n)");
    script
}

fn answer(output: ExecOutput) -> Result<Answers, EnvError> {
    let text = output.output.clone();
    if output.end == ExecEnd::Exited(0) {
        return Ok(Answers(text));
    }
    let reason = text.rsplit_once("spotter-fail: ").map(|(_, reason)| reason.trim_end().to_owned());
    match (output.exit_code(), reason) {
        (93, Some(reason)) => Err(EnvError::Unusable { id: String::new(), reason }),
        (94, Some(reason)) => Err(EnvError::Leak(reason)),
        (95, Some(reason)) => Err(EnvError::Patch(reason)),
        (_, Some(reason)) => Err(SandboxError::Lost(reason).into()),
        (_, None) => {
            let tail: Vec<&str> = text.lines().rev().take(5).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            Err(SandboxError::Lost(format!("a git script ended with {:?}: {}", output.end, tail.join("\n"))).into())
        }
    }
}

/// What a script answered.
pub(crate) struct Answers(String);

impl Answers {
    /// Returns the answer with this key.
    pub(crate) fn get(&self, key: &str) -> Result<&str, EnvError> {
        let answers = self.0.lines().filter_map(|line| line.strip_prefix("spotter-say: "));
        let mut pairs = answers.filter_map(|line| line.split_once(' '));
        let found = pairs.find(|(name, _)| *name == key).map(|(_, value)| value.trim_end());
        found.ok_or_else(|| SandboxError::Lost(format!("a git script gave no `{key}`: {}", self.0)).into())
    }
}
