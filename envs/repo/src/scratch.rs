//! The harness's own files in a sandbox, kept outside the repository.

use std::ops::Range;
use std::time::Duration;

use env_core::EnvError;
use tool_core::{Command, FileError, Sandbox, SandboxError, shell_quote};

/// How long copying a piece of a large file may take.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How many pieces of [`tool_core::SandboxInfo::max_file`] a file may have.
const PIECES: u64 = 16;

/// Returns the path of a file in the scratch folder.
pub fn scratch_path(sandbox: &dyn Sandbox, name: &str) -> String {
    format!("{}/{name}", sandbox.info().scratch.trim_end_matches('/'))
}

/// Writes a file into the scratch folder and returns its path.
pub async fn write_scratch(sandbox: &dyn Sandbox, name: &str, contents: &[u8]) -> Result<String, EnvError> {
    let path = scratch_path(sandbox, name);
    match sandbox.write_file(&path, contents, Some(0o644)).await {
        Ok(()) => Ok(path),
        Err(FileError::Sandbox(err)) => Err(EnvError::Sandbox(err)),
        // Nothing of the patch has run yet, so whatever is in the way is ours.
        Err(err) => Err(EnvError::Sandbox(SandboxError::Unsupported(err.to_string()))),
    }
}

/// Appends a file that the tests may have tampered with to `log`: one that cannot be read counts as empty.
///
/// One that is too large to be read at once is read in pieces. Beyond 16 times that size, which with the usual
/// settings is 1 GiB, its head and its tail are kept, with a line between them that says what was left out.
pub async fn read_scratch(sandbox: &dyn Sandbox, name: &str, log: &mut Vec<u8>) -> Result<(), EnvError> {
    let (size, limit) = match sandbox.read_file(&scratch_path(sandbox, name)).await {
        Ok(bytes) => {
            log.extend(bytes);
            return Ok(());
        }
        Err(FileError::Sandbox(err)) => return Err(EnvError::Sandbox(err)),
        Err(FileError::TooLarge { size, limit, .. }) => (size, limit),
        Err(_) => return Ok(()),
    };
    let bound = limit.saturating_mul(PIECES);
    if size <= bound {
        return read_range(sandbox, name, 0..size, log).await;
    }
    let half = bound / 2;
    read_range(sandbox, name, 0..half, log).await?;
    log.extend(format!("\n[... {} bytes left out ...]\n", size - 2 * half).into_bytes());
    read_range(sandbox, name, size - half..size, log).await
}

/// Appends a part of a file to `log`, piece by piece.
async fn read_range(sandbox: &dyn Sandbox, name: &str, range: Range<u64>, log: &mut Vec<u8>) -> Result<(), EnvError> {
    let piece = scratch_path(sandbox, &format!("{name}.piece"));
    let (file, step) = (shell_quote(&scratch_path(sandbox, name)), sandbox.info().max_file.max(1));
    let mut begin = range.start;
    while begin < range.end {
        let length = step.min(range.end - begin);
        let script = format!("tail -c +{} {file} | head -c {length} > {}", begin + 1, shell_quote(&piece));
        sandbox.exec(Command::fresh(script).timeout(TIMEOUT)).await?;
        match sandbox.read_file(&piece).await {
            Ok(bytes) => log.extend(bytes),
            Err(FileError::Sandbox(err)) => return Err(EnvError::Sandbox(err)),
            Err(_) => return Ok(()),
        }
        begin += length;
    }
    Ok(())
}
