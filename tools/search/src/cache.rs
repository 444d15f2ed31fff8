//! Packs on disk, by repository.
//!
//! A pack is a folder that never changes once it has its name, which is a hash of what is in it; it gets the name by a
//! rename, so that processes need no locks. Every file is checked against its hash before it is used.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tantivy::Index;
use tantivy::directory::{Directory, MmapDirectory, RamDirectory};

use crate::error::SearchError;
use crate::pack::{Pack, Unit};
use crate::schema::Fields;

/// Changes with what is in a pack, with how files are cut and with the grammars.
const FORMAT: &str = "1";
/// Packs of one repository; the ones unused for longest go first.
const MOST: usize = 24;
const LIST: &str = "units";

/// Where packs are kept, and those that this process has open. Clones share both.
#[derive(Clone)]
pub struct Cache {
    root: Option<PathBuf>,
    max_bytes: u64,
    fields: Fields,
    open: Arc<Mutex<HashMap<PathBuf, Weak<Pack>>>>,
}

/// The list in a pack.
#[derive(Serialize, Deserialize)]
struct List {
    units: Vec<Unit>,
    /// The index's files, each with its hash.
    files: Vec<(String, [u8; 32])>,
}

impl Cache {
    /// Returns a cache in a folder, which is made when it is needed.
    pub fn new(root: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self { root: Some(root.into()), max_bytes, ..Self::none() }
    }

    /// Returns a cache that keeps nothing.
    pub fn none() -> Self {
        Self { root: None, max_bytes: 0, fields: Fields::new(), open: Arc::default() }
    }

    /// Returns the fields of every index, with what is loaded once for all.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Returns the folder of a repository.
    pub(crate) fn folder(&self, repository: &str) -> Option<PathBuf> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = repository.chars().map(plain).collect();
        Some(self.root.as_ref()?.join(format!("v{FORMAT}")).join(name.trim_start_matches('.')))
    }

    /// Returns the packs of a repository. What is broken is removed and told of.
    pub(crate) fn load(&self, repository: &str, fields: &Fields) -> Vec<(PathBuf, Arc<Pack>)> {
        let Some(folder) = self.folder(repository) else { return Vec::new() };
        let mut packs = Vec::new();
        for path in pack_folders(&folder) {
            let opened = self.shared(&path).map_or_else(|| self.open(&path, fields), Ok);
            match opened {
                Ok(pack) => packs.push((path, pack)),
                // The pack may be sound, and another process may need it.
                Err(SearchError::Io(err)) if err.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!("`{}` cannot be read: {err}", path.display());
                }
                Err(err) => {
                    tracing::warn!("`{}` is made anew: {err}", path.display());
                    let _ = fs::remove_dir_all(&path);
                }
            }
        }
        packs
    }

    fn shared(&self, path: &Path) -> Option<Arc<Pack>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(path)?.upgrade()
    }

    fn open(&self, path: &Path, fields: &Fields) -> Result<Arc<Pack>, SearchError> {
        let bytes = fs::read(path.join(LIST))?;
        let (hash, body) = bytes.split_at_checked(32).ok_or_else(|| SearchError::Cache("no list".to_owned()))?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(SearchError::Cache("the list does not match its hash".to_owned()));
        }
        let list: List = postcard::from_bytes(body)?;
        for (name, hash) in &list.files {
            if blake3::hash(&fs::read(path.join(name))?).as_bytes() != hash {
                return Err(SearchError::Cache(format!("`{name}` does not match its hash")));
            }
        }
        let index = Index::open(MmapDirectory::open(path).map_err(|err| SearchError::Cache(err.to_string()))?)?;
        fields.register(&index);
        let pack = Arc::new(Pack::open(&index, fields, list.units)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, pack| pack.strong_count() > 0);
        open.insert(path.to_owned(), Arc::downgrade(&pack));
        Ok(pack)
    }

    /// Puts a pack on disk and returns it as it is there, sharing memory with other processes.
    pub(crate) fn keep(
        &self,
        repository: &str,
        units: &[Unit],
        directory: &RamDirectory,
        fields: &Fields,
    ) -> Result<Option<(PathBuf, Arc<Pack>)>, SearchError> {
        let Some(folder) = self.folder(repository) else { return Ok(None) };
        fs::create_dir_all(&folder)?;
        let mut files = Vec::new();
        let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(&folder)?;
        for name in index_files(directory)? {
            let bytes = directory.atomic_read(Path::new(&name)).map_err(|err| SearchError::Cache(err.to_string()))?;
            fs::write(partial.path().join(&name), &bytes)?;
            files.push((name, *blake3::hash(&bytes).as_bytes()));
        }
        let list = postcard::to_stdvec(&List { units: units.to_vec(), files })?;
        let hash = blake3::hash(&list);
        fs::write(partial.path().join(LIST), [hash.as_bytes().as_slice(), &list].concat())?;
        let path = folder.join(format!("pack-{}", hash.to_hex().get(..32).unwrap_or_default()));
        match fs::rename(partial.path(), &path) {
            Ok(()) => drop(partial.keep()),
            // Another process was faster.
            Err(_) if path.is_dir() => {}
            Err(err) => return Err(err.into()),
        }
        let pack = self.open(&path, fields)?;
        Ok(Some((path, pack)))
    }

    /// Notes that packs were used, and removes those unused for longest until the cache keeps to its limits.
    pub(crate) fn tidy(&self, repository: &str, used: &[PathBuf]) {
        for path in used {
            let touched = fs::File::open(path.join(LIST)).and_then(|file| file.set_modified(SystemTime::now()));
            touched.err().into_iter().for_each(|err| tracing::debug!("`{}`: {err}", path.display()));
        }
        let Some(folder) = self.folder(repository) else { return };
        let mut own = aged(pack_folders(&folder));
        while own.len() > MOST {
            remove_oldest(&mut own);
        }
        let repositories = self.root.iter().flat_map(|root| subfolders(root)).flat_map(|format| subfolders(&format));
        let mut all = aged(repositories.flat_map(|repository| pack_folders(&repository)).collect());
        let mut bytes: u64 = all.iter().map(|(_, path)| size(path)).sum();
        while bytes > self.max_bytes && all.len() > used.len() {
            bytes -= all.first().map_or(0, |(_, path)| size(path));
            remove_oldest(&mut all);
        }
    }
}

/// Returns the names of an index's files.
fn index_files(directory: &RamDirectory) -> Result<Vec<String>, SearchError> {
    let files = Index::open(directory.clone())?.load_metas()?.list_segment_files();
    let there = files.iter().filter(|path| directory.exists(path).unwrap_or_default());
    let mut names: Vec<String> = there.map(|path| path.to_string_lossy().into_owned()).collect();
    names.push("meta.json".to_owned());
    names.sort();
    names.dedup();
    Ok(names)
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

fn pack_folders(folder: &Path) -> Vec<PathBuf> {
    let is_pack = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pack-"));
    subfolders(folder).into_iter().filter(is_pack).collect()
}

/// Returns packs with the time of their last use, the oldest first.
fn aged(paths: Vec<PathBuf>) -> Vec<(SystemTime, PathBuf)> {
    let used = |path: &PathBuf| fs::metadata(path.join(LIST)).and_then(|metadata| metadata.modified());
    let mut aged: Vec<_> =
        paths.into_iter().map(|path| (used(&path).unwrap_or(SystemTime::UNIX_EPOCH), path)).collect();
    aged.sort();
    aged
}

fn remove_oldest(packs: &mut Vec<(SystemTime, PathBuf)>) {
    if packs.is_empty() {
        return;
    }
    let (_, path) = packs.remove(0);
    if let Err(err) = fs::remove_dir_all(&path) {
        tracing::debug!("`{}` stays: {err}", path.display());
    }
}

fn size(pack: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(pack) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
