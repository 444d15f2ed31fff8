//! Whether the files of a folder have changed, as their inodes tell.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use tool_core::Stamp;

/// Folders in folders that are looked into; no repository comes near it.
const DEPTH: usize = 128;

/// The type of a file system in memory, as `statfs` gives it (`TMPFS_MAGIC`).
const IN_MEMORY: i128 = 0x0102_1994;

/// Returns the stamp of the files below a folder, but for its own `.git`; `None` if some cannot be seen, or they are in
/// memory: there what is written through a mapping changes no time.
///
/// A file counts with its name, inode, permissions, size and times. No program can set the time of change, so that
/// contents that were put back count as changed too. Of folders only the names and permissions count.
pub(crate) fn of(folder: &Path) -> Option<Stamp> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    if i128::from(kind) == IN_MEMORY { None } else { digest(folder) }
}

fn digest(folder: &Path) -> Option<Stamp> {
    let mut digest = Sha256::new();
    add(folder, 0, &mut digest).ok()?;
    Some(Stamp(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn add(folder: &Path, depth: usize, digest: &mut Sha256) -> io::Result<()> {
    if depth > DEPTH {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    digest.update(entries.len().to_le_bytes());
    for entry in entries {
        let name = entry.file_name();
        if depth == 0 && name == ".git" {
            continue;
        }
        digest.update(name.len().to_le_bytes());
        digest.update(name.as_bytes());
        // Of a link itself, not of where it leads.
        let metadata = entry.metadata()?;
        digest.update(metadata.mode().to_le_bytes());
        if metadata.is_dir() {
            add(&entry.path(), depth + 1, digest)?;
        } else {
            times(&metadata).iter().for_each(|part| digest.update(part.to_le_bytes()));
        }
    }
    Ok(())
}

fn times(metadata: &Metadata) -> [i64; 7] {
    let unsigned = |value: u64| i64::from_le_bytes(value.to_le_bytes());
    [
        unsigned(metadata.dev()),
        unsigned(metadata.ino()),
        unsigned(metadata.size()),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_change_of_a_file_changes_the_stamp_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir_all(at(".git")).unwrap();
        fs::write(at("a/b/c"), "one").unwrap();
        fs::write(at("d"), "two").unwrap();
        let mut last = digest(folder.path()).unwrap();
        let mut changes = |name: &str, expected: bool, change: &dyn Fn() -> io::Result<()>| {
            // Two changes within one tick of the kernel's clock have one time.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change().unwrap();
            let now = digest(folder.path()).unwrap();
            assert_eq!(now != last, expected, "{name}");
            last = now;
        };
        changes("nothing", false, &|| Ok(()));
        changes("git", false, &|| fs::write(at(".git/index"), "x"));
        changes("a read", false, &|| fs::read(at("d")).map(drop));
        changes("equal contents", true, &|| fs::write(at("d"), "two"));
        changes("a new time", true, &|| {
            let old = fs::metadata(at("d"))?.modified()?;
            fs::write(at("d"), "six")?;
            fs::File::options().write(true).open(at("d"))?.set_modified(old)
        });
        changes("permissions", true, &|| fs::set_permissions(at("d"), fs::Permissions::from_mode(0o600)));
        changes("a new file", true, &|| fs::write(at("a/b/e"), ""));
        changes("a removed file", true, &|| fs::remove_file(at("a/b/e")));
        changes("a link", true, &|| std::os::unix::fs::symlink("d", at("a/l")));
        changes("a renamed folder", true, &|| fs::rename(at("a/b"), at("a/c")));
        changes("a folder in the place of a file", true, &|| {
            fs::remove_file(at("d")).and_then(|()| fs::create_dir(at("d")))
        });
        assert_eq!(of(&at("nowhere")), None);
    }

    #[test]
    fn files_in_memory_have_no_stamp() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        fs::write(folder.path().join("a"), "one").unwrap();
        assert_eq!(of(folder.path()), None);
    }
}
