//! A folder that is there as a whole or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ExportError;

/// A task's folder while it is written, under another name.
pub(super) struct Folder {
    temporary: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    /// Makes the folder that will be `name` below `out`.
    pub(super) fn create(out: &Path, name: &str) -> Result<Self, ExportError> {
        fs::create_dir_all(out).map_err(|err| failed(out, err))?;
        let temporary = tempfile::Builder::new().prefix(".writing-").tempdir_in(out).map_err(|err| failed(out, err))?;
        Ok(Self { temporary, path: out.join(name) })
    }

    /// Makes a folder in it.
    pub(super) fn mkdir(&self, name: &str) -> Result<(), ExportError> {
        let path = self.temporary.path().join(name);
        fs::create_dir_all(&path).map_err(|err| failed(&path, err))
    }

    /// Writes a text.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), ExportError> {
        self.write_bytes(name, text.as_bytes())
    }

    /// Writes a file.
    pub(super) fn write_bytes(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.place(name)?;
        fs::write(&path, bytes).map_err(|err| failed(&path, err))
    }

    /// Writes a script that can be run.
    pub(super) fn write_program(&self, name: &str, text: &str) -> Result<(), ExportError> {
        self.write(name, text)?;
        let path = self.temporary.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|err| failed(&path, err))
    }

    /// Puts another file in it: linked, or copied where that cannot be.
    pub(super) fn link(&self, name: &str, other: &Path) -> Result<(), ExportError> {
        let path = self.place(name)?;
        fs::hard_link(other, &path).or_else(|_| fs::copy(other, &path).map(drop)).map_err(|err| failed(&path, err))
    }

    /// Gives it its name, in the place of what had it.
    pub(super) fn finish(self) -> Result<PathBuf, ExportError> {
        let old = match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&self.path),
            Ok(_) => fs::remove_file(&self.path),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(err) => Err(err),
        };
        old.map_err(|err| failed(&self.path, err))?;
        let folder = self.temporary.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(|err| failed(folder, err))?;
        fs::rename(folder, &self.path).map_err(|err| failed(&self.path, err))?;
        Ok(self.path.clone())
    }

    /// Returns the path of a file in it, whose folder is made.
    fn place(&self, name: &str) -> Result<PathBuf, ExportError> {
        let path = self.temporary.path().join(name);
        let folder = path.parent().unwrap_or(self.temporary.path());
        fs::create_dir_all(folder).map_err(|err| failed(folder, err))?;
        Ok(path)
    }
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write { path: path.to_owned(), source }
}
