//! Prepared states of files, kept as archives in the user's cache so that later starts need not prepare them again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tar::{Archive, Builder, Header};
use tool_core::{Host, Image, SandboxInfo, Source};

/// What of the scratch folder belongs to a state: the rest is the harness's at work. A folder is kept, and put into the
/// sandbox, as an archive `<name>.tar`: who needs it unpacks it, and most episodes do not.
const KEPT_OF_SCRATCH: [&str; 2] = ["base.git", "state"];
/// The names in an archive of the repository and of the scratch folder.
const ROOT: &str = "root";
const SCRATCH: &str = "scratch";

/// Returns the archive for the state of an image under a key, whether it is there or not; `None` for images that are
/// not files held in memory, and where there is no cache.
pub(crate) fn archive(image: &Image, key: &str, host: &Host) -> Option<PathBuf> {
    let Source::Files(files) = &image.source else { return None };
    let cache = match host.variable("XDG_CACHE_HOME").map(Path::new).filter(|cache| cache.is_absolute()) {
        Some(cache) => cache.to_owned(),
        None => Path::new(host.variable("HOME")?).join(".cache"),
    };
    let mut digest = Sha256::new();
    let parts = files.iter().flat_map(|(path, contents)| [path.as_bytes(), contents.as_slice()]);
    for part in [key.as_bytes(), image.root.as_bytes()].into_iter().chain(parts) {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let name: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(cache.join("spotter/kept").join(name + ".tar"))
}

/// Keeps the state of a sandbox, and removes the oldest until the rest takes no more than `limit` bytes.
pub(crate) fn keep(info: &SandboxInfo, archive: &Path, limit: u64) -> io::Result<()> {
    let folder = archive.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut builder = Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all(ROOT, &info.root)?;
    for name in KEPT_OF_SCRATCH {
        let (path, inside) = (Path::new(&info.scratch).join(name), Path::new(SCRATCH).join(name));
        if path.is_dir() {
            add_archive(&mut builder, &inside.with_added_extension("tar"), (name, &path))?;
        } else {
            builder.append_path_with_name(path, inside)?;
        }
    }
    let tar = builder.into_inner()?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(digest(&tar).as_bytes())?;
    file.write_all(&tar)?;
    file.persist(archive)?;
    evict(folder, limit)
}

/// Adds an archive of a folder under the name `folder`.
fn add_archive(builder: &mut Builder<Vec<u8>>, inside: &Path, (name, folder): (&str, &Path)) -> io::Result<()> {
    let mut archive = Builder::new(Vec::new());
    archive.follow_symlinks(false);
    archive.append_dir_all(name, folder)?;
    let bytes = archive.into_inner()?;
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    builder.append_data(&mut header, inside, bytes.as_slice())
}

fn evict(folder: &Path, limit: u64) -> io::Result<()> {
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let is_archive = entry.path().extension().is_some_and(|extension| extension == "tar");
        if let Some(metadata) = entry.metadata().ok().filter(|_| is_archive) {
            kept.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
        }
    }
    kept.sort();
    let mut taken = 0_u64;
    for (_, size, path) in kept.into_iter().rev() {
        taken = taken.saturating_add(size);
        if taken > limit {
            // Another process may evict as well.
            if let Err(err) = fs::remove_file(path)
                && err.kind() != io::ErrorKind::NotFound
            {
                return Err(err);
            }
        }
    }
    Ok(())
}

/// Returns the SHA-256 that is in front of an archive: the cache is open to all that runs as this user.
fn digest(tar: &[u8]) -> String {
    Sha256::digest(tar).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a kept state into the folders of a sandbox.
///
/// # Errors
/// When it is damaged, too: then nothing was unpacked.
pub(crate) fn restore(archive: &Path, root: &Path, scratch: &Path) -> io::Result<()> {
    let bytes = fs::read(archive)?;
    let (noted, tar) = bytes.split_at_checked(64).ok_or(io::ErrorKind::UnexpectedEof)?;
    if noted != digest(tar).as_bytes() {
        return Err(io::Error::other("the kept state is damaged"));
    }
    let mut archive = Archive::new(tar);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let to = match (path.strip_prefix(ROOT), path.strip_prefix(SCRATCH)) {
            (Ok(inside), _) => root.join(inside),
            (_, Ok(inside)) => scratch.join(inside),
            _ => continue,
        };
        entry.unpack(to)?;
    }
    Ok(())
}
