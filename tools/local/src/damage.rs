//! What an error of a local sandbox comes from: what ran inside, or this machine.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tool_core::SandboxError;

/// A machine on which bash takes longer to say nothing is what has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Blames what ran inside if the folder of the sandbox has gone, which no one else removes.
pub(crate) fn check(folder: &Path) -> Result<(), SandboxError> {
    if is_gone(folder) {
        let folder = folder.display();
        return Err(SandboxError::Damaged(format!("what ran in the sandbox has removed its folder `{folder}`")));
    }
    Ok(())
}

/// Blames what ran inside for an error if a folder of the sandbox has gone, or if a shell that could not be reached
/// would have been well outside of it.
pub(crate) fn explain(folder: &Path, root: &Path, err: SandboxError) -> SandboxError {
    let is_damaged = match err {
        SandboxError::Damaged(_) | SandboxError::Unsupported(_) => return err,
        SandboxError::Unavailable(_) => is_gone(folder) || is_gone(root),
        _ => is_gone(folder) || is_gone(root) || is_host_well(folder.parent().unwrap_or(folder)),
    };
    if is_damaged { SandboxError::Damaged(format!("what ran in the sandbox has broken it: {err}")) } else { err }
}

fn is_gone(folder: &Path) -> bool {
    match fs::symlink_metadata(folder) {
        Ok(metadata) => !metadata.is_dir(),
        Err(err) => matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// Returns whether a shell starts here outside of any sandbox, and `temporary` takes a file.
fn is_host_well(temporary: &Path) -> bool {
    let table = File::open("/proc/self/stat").is_ok();
    let file = tempfile::Builder::new().prefix("spotter-check-").tempfile_in(temporary);
    table && file.is_ok_and(|mut file| std::io::Write::write_all(&mut file, b"well\n").is_ok()) && starts_bash()
}

fn starts_bash() -> bool {
    let mut command = Command::new("setsid");
    command.args(["bash", "--norc", "--noprofile", "-p", "-c", ":"]).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < TIMEOUT => std::thread::sleep(Duration::from_millis(5)),
            _ => break,
        }
    }
    // It may have ended in the meantime.
    let _ = child.kill();
    let _ = child.wait();
    false
}
