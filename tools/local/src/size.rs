//! How much a folder holds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The unit in which the system counts blocks, in bytes.
const BLOCK: u64 = 512;

/// Returns the bytes on the disk of all below a folder, without following links; what cannot be read counts as nothing.
pub(crate) fn size_below(folder: &Path) -> u64 {
    let (mut size, mut folders) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.path().symlink_metadata() else { continue };
            size = size.saturating_add(metadata.blocks().saturating_mul(BLOCK));
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    size
}
