//! Packs by repository, on disk and in memory.
//!
//! A pack is a folder that never changes once it has its name, which stands for the units in it; it gets the name by a
//! rename, so that processes need no locks. Every file is checked against its hash before it is used. The packs that
//! were used last stay open, so that episodes of one process share them, with a folder or without.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use tantivy::directory::error::OpenReadError;
use tantivy::directory::{Directory, MmapDirectory, RamDirectory};
use tantivy::{Index, TantivyError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cut::key::Key;
use crate::error::SearchError;
use crate::index::entry::{LIST, PARTIAL, packs, touch, trim};
use crate::index::pack::{Pack, Unit};
use crate::index::schema::Fields;
use crate::index::vectors::Vectors;

/// Changes with what is in a pack, with how files are cut and with the grammars.
const FORMAT: &str = "5";
/// Packs that stay open though no index uses them.
const RECENT: usize = 16;
/// Trees that are in memory at once while they are indexed.
const TREES_AT_ONCE: usize = 4;

/// Where packs are kept, those that this process has open, and its vectors. Clones share all.
#[derive(Clone)]
pub struct Cache {
    root: Option<PathBuf>,
    max_bytes: u64,
    fields: Fields,
    open: Arc<Mutex<Open>>,
    turns: Arc<Mutex<HashMap<String, Arc<Mutex<()>>>>>,
    permits: Arc<Semaphore>,
    vectors: Arc<Vectors>,
}

/// The packs that a process has open.
#[derive(Default)]
struct Open {
    packs: HashMap<PathBuf, Weak<Pack>>,
    /// The ones used last, the latest at the end.
    recent: Vec<Arc<Pack>>,
}

/// A pack and its place, which is on disk where there is a folder.
pub(crate) type Kept = (PathBuf, Arc<Pack>);

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

    /// Returns a cache that keeps nothing on disk.
    pub fn none() -> Self {
        Self {
            root: None,
            max_bytes: 0,
            fields: Fields::new(),
            open: Arc::default(),
            turns: Arc::default(),
            permits: Arc::new(Semaphore::new(TREES_AT_ONCE)),
            vectors: Arc::default(),
        }
    }

    /// Returns the fields of every index, with what is loaded once for all.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Returns the vectors of texts that this process keeps.
    pub(crate) fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// Waits until there is room for one more tree in memory.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.ok()
    }

    /// Returns a lock under which one index of a repository is made after the other: the later ones find the packs of
    /// the first.
    pub(crate) fn turn(&self, repository: &str) -> Arc<Mutex<()>> {
        locked(&self.turns).entry(repository.to_owned()).or_default().clone()
    }

    /// Returns the folder of a repository, where packs are kept on disk.
    pub(crate) fn folder(&self, repository: &str) -> Option<PathBuf> {
        self.root.is_some().then(|| self.place(repository))
    }

    fn place(&self, repository: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = repository.chars().map(plain).collect();
        let root = self.root.clone().unwrap_or_default();
        root.join(format!("v{FORMAT}")).join(name.trim_start_matches('.'))
    }

    /// Returns the packs of a repository. What is broken is removed and told of.
    pub(crate) fn load(&self, repository: &str) -> Vec<Kept> {
        let place = self.place(repository);
        let mut loaded = locked(&self.open).below(&place);
        let known: HashSet<PathBuf> = loaded.iter().map(|(path, _)| path.clone()).collect();
        let there = self.root.as_ref().map(|_| packs(&place)).unwrap_or_default();
        for path in there.into_iter().filter(|path| !known.contains(path)) {
            match self.open(&path) {
                Ok(pack) => loaded.push((path, pack)),
                Err(err) if is_broken(&err) => {
                    tracing::warn!("`{}` is rebuilt: {err}", path.display());
                    let _ = fs::remove_dir_all(&path);
                }
                // The pack may be sound, and another process may need it.
                Err(err) => tracing::warn!("`{}` cannot be read: {err}", path.display()),
            }
        }
        loaded
    }

    fn open(&self, path: &Path) -> Result<Arc<Pack>, SearchError> {
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
        let index = Index::open(MmapDirectory::open(path).map_err(TantivyError::from)?)?;
        self.fields.register(&index);
        let pack = Arc::new(Pack::open(&index, &self.fields, list.units)?);
        locked(&self.open).put(path, &pack);
        Ok(pack)
    }

    /// Keeps a pack for this process, and on disk where there is a folder; returns why it could not be put there.
    pub(crate) fn keep(
        &self,
        repository: &str,
        pack: Arc<Pack>,
        directory: &RamDirectory,
    ) -> (Kept, Option<SearchError>) {
        let path = self.place(repository).join(name(&pack.units));
        let written = self.root.as_ref().map(|_| self.write(&path, &pack.units, directory));
        // What is on disk shares its memory with other processes.
        match written.map(|written| written.and_then(|()| self.open(&path))) {
            Some(Ok(pack)) => ((path, pack), None),
            failed => {
                locked(&self.open).put(&path, &pack);
                ((path, pack), failed.and_then(Result::err))
            }
        }
    }

    fn write(&self, path: &Path, units: &[Unit], directory: &RamDirectory) -> Result<(), SearchError> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        let mut files = Vec::new();
        let partial = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(folder)?;
        for name in index_files(directory)? {
            let bytes = directory.atomic_read(Path::new(&name)).map_err(TantivyError::from)?;
            fs::write(partial.path().join(&name), &bytes)?;
            files.push((name, *blake3::hash(&bytes).as_bytes()));
        }
        let list = postcard::to_stdvec(&List { units: units.to_vec(), files })?;
        fs::write(partial.path().join(LIST), [blake3::hash(&list).as_bytes().as_slice(), &list].concat())?;
        match fs::rename(partial.path(), path) {
            Ok(()) => drop(partial.keep()),
            // Another process was faster.
            Err(_) if path.join(LIST).is_file() => {}
            Err(err) => return Err(err.into()),
        }
        Ok(())
    }

    /// Notes what an index uses: its packs, and the manifest of its tree.
    pub(crate) fn note(&self, used: &[Kept], manifest: Option<&Path>) {
        used.iter().for_each(|(_, pack)| locked(&self.open).touch(pack));
        if self.root.is_some() {
            used.iter().map(|(path, _)| path.as_path()).chain(manifest).for_each(touch);
        }
    }

    /// Keeps the folder to its limits; what an index uses stays.
    pub(crate) fn trim(&self, repository: &str, used: &[Kept], manifest: Option<&Path>) {
        let kept = used.iter().map(|(path, _)| path.clone()).chain(manifest.map(Path::to_owned)).collect();
        if let Some(root) = &self.root {
            trim(root, &self.place(repository), self.max_bytes, &kept);
        }
    }
}

impl Open {
    /// Returns the packs at a place.
    fn below(&self, place: &Path) -> Vec<Kept> {
        let here = self.packs.iter().filter(|(path, _)| path.parent() == Some(place));
        let mut below: Vec<Kept> = here.filter_map(|(path, pack)| Some((path.clone(), pack.upgrade()?))).collect();
        below.sort_by(|a, b| a.0.cmp(&b.0));
        below
    }

    fn put(&mut self, path: &Path, pack: &Arc<Pack>) {
        self.packs.retain(|_, pack| pack.strong_count() > 0);
        self.packs.insert(path.to_owned(), Arc::downgrade(pack));
    }

    fn touch(&mut self, pack: &Arc<Pack>) {
        self.recent.retain(|other| !Arc::ptr_eq(other, pack));
        self.recent.push(pack.clone());
        let many = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..many);
    }
}

/// Returns whether a pack that cannot be opened is at fault itself, and not a want of memory, handles or permission.
fn is_broken(err: &SearchError) -> bool {
    match err {
        SearchError::Cache(_) => true,
        SearchError::Io(err) => err.kind() == ErrorKind::NotFound,
        SearchError::Index(err) => matches!(
            err,
            TantivyError::DataCorruption(_)
                | TantivyError::IncompatibleIndex(_)
                | TantivyError::DeserializeError(_)
                | TantivyError::SchemaError(_)
                | TantivyError::FieldNotFound(_)
                | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_))
        ),
        SearchError::Tree(_) | SearchError::Empty | SearchError::Pattern { .. } => false,
    }
}

/// Returns the name of a pack of these units, whatever their order: two processes that make the same thing meet.
fn name(units: &[Unit]) -> String {
    let mut keys: Vec<&Key> = units.iter().map(|unit| &unit.key).collect();
    keys.sort();
    let mut hasher = blake3::Hasher::new();
    for key in keys {
        hasher.update(key.bytes());
    }
    format!("pack-{}", hasher.finalize().to_hex().get(..32).unwrap_or_default())
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
