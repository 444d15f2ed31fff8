//! Temporary folders that killed processes left behind.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use shell::Owner;
use tool_core::SandboxError;

use crate::names::{OWNER, PREFIX};
use crate::removal::remove_leftover;

/// After it, a folder without an owner gets none any more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for an empty one: the owner is the first thing that is written and the last that goes.
const MOMENT: Duration = Duration::from_secs(5);

/// Removes temporary folders whose process on this machine has ended without removing them, and returns their paths.
pub(crate) fn clean(temporary: &Path) -> Result<Vec<String>, SandboxError> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // The kernel refuses one that has been written to in the meantime.
        if is_given_up(&path, MOMENT) && fs::remove_dir(&path).is_ok() {
            removed.push(path.to_string_lossy().into_owned());
            continue;
        }
        let owner = fs::read_to_string(path.join(OWNER)).ok().and_then(|text| Owner::parse(&text));
        if owner.map_or_else(|| is_given_up(&path, DAY), |owner| owner.is_here() && !owner.is_alive()) {
            remove_leftover(&path)
                .map_err(|err| SandboxError::Lost(format!("cannot remove `{}`: {err}", path.display())))?;
            removed.push(path.to_string_lossy().into_owned());
        }
    }
    removed.sort();
    Ok(removed)
}

/// Returns whether a folder of this user has no owner although it is old: its process ended before it could write one, or
/// with nothing left to remove but the folder.
fn is_given_up(path: &Path, enough: Duration) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let is_old = metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age > enough);
    metadata.is_dir() && is_old && metadata.uid() == rustix::process::geteuid().as_raw() && !path.join(OWNER).exists()
}
