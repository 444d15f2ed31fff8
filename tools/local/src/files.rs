//! Files of a local sandbox, with the same rules as in a container.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use tool_core::FileError;

/// Links followed before a path is taken for a circle.
const MAX_LINKS: usize = 40;

/// Returns the bytes of a file of at most `limit` bytes.
pub(crate) fn read(path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
    let refused = |err: io::Error| FileError::of(path, &err);
    let metadata = fs::metadata(path).map_err(refused)?;
    if metadata.is_dir() {
        return Err(FileError::IsDirectory(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(FileError::Refused { path: path.to_owned(), reason: "not a regular file".to_owned() });
    }
    let mut contents = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut contents)).map_err(refused)?;
    let size = contents.len() as u64;
    if size > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), size: size.max(metadata.len()), limit });
    }
    Ok(contents)
}

/// Writes a file whole; one inside `root` must not lead out of it.
pub(crate) fn write(root: &str, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
    let refused = |err: io::Error| FileError::of(path, &err);
    let real = resolve(Path::new(path)).map_err(refused)?;
    let real_root = resolve(Path::new(root)).map_err(refused)?;
    if Path::new(path).strip_prefix(root).is_ok() && (!real.starts_with(&real_root) || real == real_root) {
        if real == real_root {
            return Err(FileError::IsDirectory(path.to_owned()));
        }
        return Err(FileError::Outside { path: path.to_owned(), target: real.to_string_lossy().into_owned() });
    }
    let old = match fs::metadata(&real) {
        Ok(metadata) if metadata.is_dir() => return Err(FileError::IsDirectory(path.to_owned())),
        Ok(metadata) if !metadata.is_file() => {
            return Err(FileError::Refused { path: path.to_owned(), reason: "not a regular file".to_owned() });
        }
        Ok(metadata) => Some(metadata),
        Err(_) => None,
    };
    let mode = mode.or_else(|| old.map(|metadata| metadata.mode() & 0o7777)).unwrap_or(0o644);
    let folder = real.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(".spotter-").tempfile_in(folder))
        .and_then(|mut file| {
            file.write_all(contents)?;
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            file.persist(&real).map_err(|err| err.error).map(drop)
        })
        .map_err(refused)
}

/// Follows all links of a path whose end need not exist.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut real = PathBuf::from("/");
    let mut rest: Vec<PathBuf> = vec![path.to_owned()];
    let mut links = 0;
    while let Some(next) = rest.pop() {
        let mut components = next.components();
        let Some(first) = components.next() else { continue };
        let remaining = components.as_path().to_owned();
        if !remaining.as_os_str().is_empty() {
            rest.push(remaining);
        }
        match first {
            Component::RootDir | Component::Prefix(_) => real = PathBuf::from("/"),
            Component::CurDir => {}
            Component::ParentDir => {
                real.pop();
            }
            Component::Normal(name) => {
                let step = real.join(name);
                match fs::read_link(&step) {
                    Ok(target) => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(io::Error::other("too many levels of symbolic links"));
                        }
                        rest.push(target);
                    }
                    Err(_) => real = step,
                }
            }
        }
    }
    Ok(real)
}

/// Returns a tar archive of at most `limit` bytes.
pub(crate) fn archive(path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
    let name = Path::new(path).file_name().unwrap_or_default();
    fs::symlink_metadata(path).map_err(|err| FileError::of(path, &err))?;
    let mut builder = tar::Builder::new(Bounded { bytes: Vec::new(), limit, size: 0 });
    builder.follow_symlinks(false);
    add(&mut builder, Path::new(path), Path::new(name)).map_err(|err| FileError::of(path, &err))?;
    let Bounded { bytes, size, .. } = builder.into_inner().map_err(|err| FileError::of(path, &err))?;
    if size > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), size, limit });
    }
    Ok(bytes)
}

/// Adds a file or folder; what is neither, nor a link, is left out, as are files that vanish meanwhile.
fn add<W: Write>(builder: &mut tar::Builder<W>, path: &Path, name: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if metadata.is_dir() {
        builder.append_dir(name, path)?;
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(builder, &entry.path(), &name.join(entry.file_name()))?;
        }
    } else if metadata.is_file() || metadata.is_symlink() {
        builder.append_path_with_name(path, name)?;
    }
    Ok(())
}

/// Bytes up to a limit; what is beyond it is only counted.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    size: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size += bytes.len() as u64;
        if self.size <= self.limit {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies a tree with its modes and links, following none.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if metadata.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        return fs::set_permissions(to, metadata.permissions());
    }
    if metadata.is_file() {
        // Copies the mode too.
        fs::copy(from, to)?;
    }
    // Sockets, pipes and devices are no part of a repository.
    Ok(())
}

/// Writes files held in memory below `to`.
pub(crate) fn write_all<'a>(files: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>, to: &Path) -> io::Result<()> {
    for (name, contents) in files {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || name.as_bytes().contains(&0) || Path::new(name).as_os_str().as_bytes().is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidInput, format!("`{name}` is not a path inside a repository")));
        }
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, contents)?;
        if contents.starts_with(b"#!") {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// Removes a tree, one of its entries last: a process that is killed meanwhile leaves that one to be found.
pub(crate) fn remove_tree_but_last(path: &Path, last: &str) -> io::Result<()> {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        // What stays is reported by the removal of the whole.
        if entry.file_name() != last && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = remove_tree(&entry.path());
        }
    }
    remove_tree(path)
}

/// Removes a tree, also where folders in it are read-only.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(()) => return Ok(()),
        Err(_) => {}
    }
    open_up(path);
    match fs::remove_dir_all(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn open_up(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        // The removal that follows reports what does not work.
        let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            open_up(&entry.path());
        }
    }
}
