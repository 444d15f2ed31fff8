//! The harness's own files in a sandbox, kept outside the repository.

use std::time::Duration;

use tool_core::{Command, FileError, Sandbox, SandboxError, shell_quote};

use crate::EnvError;

/// How long copying the ends of a large file may take.
const TIMEOUT: Duration = Duration::from_secs(300);
/// What is left of [`tool_core::SandboxInfo::max_file`] for the line between head and tail.
const LINE: u64 = 256;

/// Returns the path of a file in the scratch folder.
pub(crate) fn scratch_path(sandbox: &dyn Sandbox, name: &str) -> String {
    format!("{}/{name}", sandbox.info().scratch.trim_end_matches('/'))
}

/// Writes a file into the scratch folder and returns its path.
pub(crate) async fn write_scratch(sandbox: &dyn Sandbox, name: &str, contents: &[u8]) -> Result<String, EnvError> {
    let path = scratch_path(sandbox, name);
    match sandbox.write_file(&path, contents, Some(0o644)).await {
        Ok(()) => Ok(path),
        Err(FileError::Sandbox(err)) => Err(EnvError::Sandbox(err)),
        // Nothing of the patch has run yet, so whatever is in the way is ours.
        Err(err) => Err(EnvError::Sandbox(SandboxError::Unsupported(err.to_string()))),
    }
}

/// Reads a file that the tests may have tampered with: one that cannot be read counts as empty, and of one that is too
/// large the head and the tail are kept.
pub(crate) async fn read_scratch(sandbox: &dyn Sandbox, name: &str) -> Result<Vec<u8>, EnvError> {
    match sandbox.read_file(&scratch_path(sandbox, name)).await {
        Ok(bytes) => Ok(bytes),
        Err(FileError::Sandbox(err)) => Err(EnvError::Sandbox(err)),
        Err(FileError::TooLarge { size, limit, .. }) => read_ends(sandbox, name, size, limit).await,
        Err(_) => Ok(Vec::new()),
    }
}

/// Reads the head and the tail of a large file, with a line between them that says what was left out.
async fn read_ends(sandbox: &dyn Sandbox, name: &str, size: u64, limit: u64) -> Result<Vec<u8>, EnvError> {
    let half = limit.saturating_sub(LINE) / 2;
    let file = shell_quote(&scratch_path(sandbox, name));
    let ends = format!("{name}.ends");
    let script = format!(
        "{{ head -c {half} {file}; printf '\\n[... %s bytes left out ...]\\n' {}; tail -c {half} {file}; }} > {}",
        size.saturating_sub(2 * half),
        shell_quote(&scratch_path(sandbox, &ends)),
    );
    sandbox.exec(Command::fresh(script).timeout(TIMEOUT)).await?;
    match sandbox.read_file(&scratch_path(sandbox, &ends)).await {
        Ok(bytes) => Ok(bytes),
        Err(FileError::Sandbox(err)) => Err(EnvError::Sandbox(err)),
        Err(_) => Ok(Vec::new()),
    }
}
