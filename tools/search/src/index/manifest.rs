//! What a folder's files were when it was last indexed, so that unchanged ones need not be read.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::SearchError;
use crate::index::entry::{PARTIAL, TREES};
use serde::{Deserialize, Serialize};

use crate::cut::key::Key;
use crate::index::tree::Stamp;

/// A file of a folder, and what its parts are known by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Keyed {
    pub(crate) path: String,
    pub(crate) stamp: Stamp,
    pub(crate) keys: Vec<Key>,
}

/// The keys of a folder's files, by path and stamp.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    known: HashMap<String, Keyed>,
}

impl Manifest {
    /// Returns the place of a folder's manifest in that of its repository.
    pub(crate) fn place(folder: &Path, root: &Path) -> PathBuf {
        let hash = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        folder.join(TREES).join(hash.get(..32).unwrap_or_default())
    }

    /// Returns the manifest at a place; an empty one where there is none or it is broken.
    pub(crate) fn load(place: &Path) -> Self {
        let read = || {
            let bytes = fs::read(place).ok()?;
            let (hash, body) = bytes.split_at_checked(32)?;
            let whole = blake3::hash(body).as_bytes() == hash;
            let rows: Vec<Keyed> = whole.then(|| postcard::from_bytes(body).ok())??;
            Some(rows.into_iter().map(|row| (row.path.clone(), row)).collect())
        };
        Self { known: read().unwrap_or_default() }
    }

    /// Returns what is known of a file that has not changed.
    pub(crate) fn get(&self, path: &str, stamp: Stamp) -> Option<&Keyed> {
        self.known.get(path).filter(|known| known.stamp == stamp)
    }

    /// Returns whether these files are just those of the manifest.
    pub(crate) fn is(&self, files: &[Keyed]) -> bool {
        files.len() == self.known.len() && files.iter().all(|file| self.get(&file.path, file.stamp).is_some())
    }

    /// Keeps the keys of a folder's files; of those changed just now a later change might not show, so they are left out.
    pub(crate) fn save(place: &Path, files: &[Keyed]) -> Result<(), SearchError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let now = i128::try_from(now.as_nanos()).unwrap_or_default();
        let rows: Vec<_> = files.iter().filter(|file| !file.stamp.is_fresh(now)).collect();
        let body = postcard::to_stdvec(&rows)?;
        let parent = place.parent().unwrap_or(place);
        fs::create_dir_all(parent)?;
        let mut partial = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(parent)?;
        partial.write_all(blake3::hash(&body).as_bytes())?;
        partial.write_all(&body)?;
        partial.persist(place).map_err(|err| err.error)?;
        Ok(())
    }
}
