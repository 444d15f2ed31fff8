//! Prepared states of files, kept as archives in the user's cache so that later starts need not prepare them again.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tar::{Archive, Builder};
use tool_core::{Image, SandboxInfo, Source};

use crate::Host;

/// What of the scratch folder belongs to a state: the rest is the harness's at work.
const OF_SCRATCH: [&str; 2] = ["base.git", "state"];
/// The names in an archive of the repository and of the scratch folder.
const ROOT: &str = "root";
const SCRATCH: &str = "scratch";

/// Returns the archive for the state of an image under a key, whether it is there or not; `None` for images that are not
/// files held in memory, and where there is no cache.
pub(super) fn archive(image: &Image, key: &str, host: &Host) -> Option<PathBuf> {
    let Source::Files(files) = &image.source else { return None };
    let cache = match host.variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
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
pub(super) fn keep(info: &SandboxInfo, archive: &Path, limit: u64) -> io::Result<()> {
    let folder = archive.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut builder = Builder::new(BufWriter::new(file.as_file_mut()));
    builder.follow_symlinks(false);
    builder.append_dir_all(ROOT, &info.root)?;
    for name in OF_SCRATCH {
        let (path, inside) = (Path::new(&info.scratch).join(name), Path::new(SCRATCH).join(name));
        if path.is_dir() {
            builder.append_dir_all(inside, path)?
        } else {
            builder.append_path_with_name(path, inside)?
        }
    }
    builder.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(archive)?;
    make_room(folder, limit)
}

fn make_room(folder: &Path, limit: u64) -> io::Result<()> {
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        if let Ok(metadata) = entry.metadata() {
            kept.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
        }
    }
    kept.sort();
    let mut taken = 0_u64;
    for (_, size, path) in kept.into_iter().rev() {
        taken = taken.saturating_add(size);
        if taken > limit {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Puts a kept state into the folders of a sandbox.
pub(super) fn restore(archive: &Path, root: &Path, scratch: &Path) -> io::Result<()> {
    let mut archive = Archive::new(BufReader::new(File::open(archive)?));
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
