//! Where a verifier's files are in a sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use env_core::EnvError;
use sha2::{Digest, Sha256};
use tool_core::{FileError, Sandbox, SandboxError};

/// The files of a task's `tests`, with their permission bits.
pub(crate) struct Tests(Vec<(String, Vec<u8>, u32)>);

impl Tests {
    /// Reads the folder, and what is below it.
    ///
    /// # Errors
    /// When a file cannot be read; links are followed only within it.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let top = folder.canonicalize()?;
        collect(&top, &top, &mut files)?;
        Ok(Self(files))
    }

    /// Adds names and contents to a digest.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        for (name, bytes, _) in &self.0 {
            for part in [name.as_bytes(), bytes] {
                digest.update(part.len().to_le_bytes());
                digest.update(part);
            }
        }
    }

    /// Returns the files by their paths.
    pub(crate) fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.0.into_iter().map(|(name, bytes, _)| (name, bytes)).collect()
    }

    /// Writes them below `folder` of a sandbox.
    pub(crate) async fn write(&self, sandbox: &dyn Sandbox, folder: &str) -> Result<(), EnvError> {
        for (name, bytes, mode) in &self.0 {
            sandbox.write_file(&format!("{folder}/{name}"), bytes, Some(*mode)).await.map_err(file_error)?;
        }
        Ok(())
    }
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>, u32)>) -> io::Result<()> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let found = path.canonicalize()?;
        if !found.starts_with(top) {
            return Err(io::Error::other(format!("`{}` leads out of the task", path.display())));
        }
        let data = fs::metadata(&found)?;
        if data.is_dir() {
            collect(top, &path, files)?;
        } else {
            let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
            files.push((name, fs::read(&found)?, data.permissions().mode() & 0o777));
        }
    }
    Ok(())
}

/// Returns the error of a file of ours that could not be written before anything of the patch ran.
pub(crate) fn file_error(err: FileError) -> EnvError {
    match err {
        FileError::Sandbox(err) => err.into(),
        err => SandboxError::lost(err).into(),
    }
}
