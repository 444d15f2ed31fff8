//! The index of one checkout.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use rustc_hash::FxHashSet;

use crate::cut::key::Key;
use crate::cut::place::relative;
use crate::cut::span::Outline;
use crate::error::SearchError;
use crate::index::build::build;
use crate::index::cache::{Cache, Kept};
use crate::index::manifest::{Keyed, Manifest};
use crate::index::schema::Fields;
use crate::index::tree::{Candidate, Limits, Skipped, Stamp, admit, walk};
use crate::index::view::View;

/// Packs of edits beyond which they are made into one.
const EDITS: usize = 16;

/// How a checkout is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the repository, under which the cache keeps its packs; any name is right, the same one is fast.
    pub repository: String,
    /// Larger files are left out, in bytes (default 1 MiB).
    pub max_file: u64,
    /// Whether tests are indexed as well (default false).
    pub tests: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { repository: "default".to_owned(), max_file: 1 << 20, tests: false }
    }
}

/// The index of one checkout: a shared base of packs that never change, and the files that were edited since.
#[derive(Clone)]
pub struct CodeIndex {
    pub(crate) view: View,
    pub(crate) fields: Fields,
    /// Where the checkout is, as far as paths may begin with that.
    pub(crate) root: String,
    limits: Limits,
    skipped: Skipped,
    notes: Vec<String>,
    /// The layers before this are the base.
    base: usize,
    reused: usize,
}

impl CodeIndex {
    /// Indexes a folder. What the cache has of it is not read again.
    ///
    /// # Errors
    /// [`SearchError::Tree`] when the folder cannot be read. A cache that cannot is only noted.
    pub fn open(root: &Path, cache: &Cache, options: &Options) -> Result<Self, SearchError> {
        let root = root.canonicalize().map_err(|err| SearchError::Tree(format!("`{}`: {err}", root.display())))?;
        let mut skipped = Skipped::default();
        let candidates = walk(&root, options.limits(), &mut skipped)?;
        Self::build(&root, candidates, skipped, cache, options)
    }

    /// Indexes files that are at hand, by their path relative to the root.
    ///
    /// # Errors
    /// [`SearchError::Index`] when the index itself failed.
    pub fn from_files(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        cache: &Cache,
        options: &Options,
    ) -> Result<Self, SearchError> {
        let mut skipped = Skipped::default();
        let mut candidates = Vec::new();
        for (path, bytes) in files {
            match admit(&path, bytes.len() as u64, options.limits()) {
                Some(skip) => skipped.count(skip),
                None => candidates.push(Candidate { path, stamp: Stamp::default(), bytes: Some(bytes) }),
            }
        }
        Self::build(Path::new(""), candidates, skipped, cache, options)
    }

    /// Returns the index as that of a checkout at `root`.
    pub(crate) fn at(self, root: &str) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    /// Returns the index with more files in the base that it shares; they are none of those that it has.
    pub(crate) fn extend(
        mut self,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        cache: &Cache,
        options: &Options,
    ) -> Result<Self, SearchError> {
        let more = Self::from_files(files, cache, options)?;
        self.view.insert(self.base, more.view);
        self.base += more.base;
        self.reused += more.reused;
        self.skipped.add(more.skipped);
        self.notes.extend(more.notes);
        Ok(self)
    }

    fn build(
        root: &Path,
        candidates: Vec<Candidate>,
        mut skipped: Skipped,
        cache: &Cache,
        options: &Options,
    ) -> Result<Self, SearchError> {
        let turn = cache.turn(&options.repository);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let fields = cache.fields().clone();
        let mut notes = Vec::new();
        let mut packs = cache.load(&options.repository);
        let is_known = |key: &Key| packs.iter().any(|(_, pack)| pack.unit(key).is_some());
        let place = cache.folder(&options.repository).filter(|_| !root.as_os_str().is_empty());
        let place = place.map(|folder| Manifest::place(&folder, root));
        let manifest = place.as_deref().map(Manifest::load).unwrap_or_default();
        let (mut files, mut unread) = (Vec::new(), Vec::new());
        for candidate in candidates {
            let same = candidate.bytes.is_none().then(|| manifest.get(&candidate.path, candidate.stamp)).flatten();
            match same.filter(|file| file.keys.iter().all(is_known)) {
                Some(file) => files.push(file.clone()),
                None => unread.push(candidate),
            }
        }
        let built = build(root, unread, &fields, is_known, options.limits(), &mut skipped)?;
        files.extend(built.files);
        let reused = files.iter().filter(|file| file.keys.iter().all(is_known)).count();
        let has_new = !built.packs.is_empty();
        for (pack, directory) in built.packs {
            let (kept, failed) = cache.keep(&options.repository, pack, &directory);
            notes.extend(failed.map(|err| unwritten(cache, options, &err)));
            packs.push(kept);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (view, used) = assemble(packs, &files);
        if let Some(place) = place.as_deref().filter(|_| !manifest.is(&files)) {
            let failed = Manifest::save(place, &files).err();
            notes.extend(failed.map(|err| unwritten(cache, options, &err)));
        }
        cache.note(&used, place.as_deref());
        if has_new {
            cache.trim(&options.repository, &used, place.as_deref());
        }
        let base = view.layers().len();
        let root = root.to_string_lossy().into_owned();
        Ok(Self { view, fields, root, limits: options.limits(), skipped, notes, base, reused })
    }

    /// Takes in changed files, by their path relative to the root; without contents a file is gone.
    ///
    /// # Errors
    /// [`SearchError::Index`] when the index itself failed.
    pub fn update(&mut self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<(), SearchError> {
        let mut candidates = Vec::new();
        for (path, contents) in changes {
            match contents {
                Some(bytes) if admit(&path, bytes.len() as u64, self.limits).is_none() => {
                    candidates.push(Candidate { path, stamp: Stamp::default(), bytes: Some(bytes) });
                }
                _ => self.view.remove(&path),
            }
        }
        let edits = self.view.layers().len() - self.base;
        if edits >= EDITS {
            candidates.extend(self.view.take_from(self.base, &candidates)?);
        }
        let paths: Vec<String> = candidates.iter().map(|candidate| candidate.path.clone()).collect();
        let is_known = |key: &Key| self.view.has(key);
        let built = build(Path::new(""), candidates, &self.fields, is_known, self.limits, &mut Skipped::default())?;
        paths.iter().for_each(|path| self.view.remove(path));
        built.packs.into_iter().for_each(|(pack, _)| self.view.push(pack));
        built.files.iter().for_each(|file| self.view.put(&file.path, &file.keys));
        self.view.prune(self.base);
        Ok(())
    }

    /// Returns the paths of all files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.view.files().iter().map(|file| self.view.path(*file))
    }

    /// Returns the outline and the text of a file; `None` where it is not indexed. The path may begin with the root.
    ///
    /// # Errors
    /// [`SearchError::Index`] when the index itself failed.
    pub fn file(&self, path: &str) -> Result<Option<(Outline, String)>, SearchError> {
        let Some(file) = self.view.find(relative(path, &self.root)) else { return Ok(None) };
        Ok(Some((self.view.outline(file)?.0, self.view.text(file)?)))
    }

    /// Returns how many files and spans there are.
    pub fn size(&self) -> (usize, usize) {
        let spans = self.view.files().iter().map(|file| self.view.docs(*file).count()).sum();
        (self.view.files().len(), spans)
    }

    /// Returns how many files were found whole in the cache.
    pub fn reused(&self) -> usize {
        self.reused
    }

    /// Returns how many files were left out, and why.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Returns what a person should know, such as a cache that cannot be written.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Options {
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_file: self.max_file, tests: self.tests }
    }
}

fn unwritten(cache: &Cache, options: &Options, err: &SearchError) -> String {
    let folder = cache.folder(&options.repository).unwrap_or_default();
    format!("the cache in `{}` cannot be written, so the next start is slow: {err}", folder.display())
}

/// Returns the view of a tree over the packs that hold its files, and these packs.
fn assemble(mut packs: Vec<Kept>, files: &[Keyed]) -> (View, Vec<Kept>) {
    let wanted: FxHashSet<&Key> = files.iter().flat_map(|file| &file.keys).collect();
    // Packs that hold most of the tree come first, so that few are needed.
    packs.sort_by_cached_key(|(path, pack)| {
        let count = pack.units.iter().filter(|unit| wanted.contains(&unit.key)).count();
        (Reverse(count), path.clone())
    });
    let mut view = View::default();
    packs.iter().for_each(|(_, pack)| view.push(pack.clone()));
    files.iter().for_each(|file| view.put(&file.path, &file.keys));
    view.prune(0);
    packs.retain(|(_, pack)| view.layers().iter().any(|layer| Arc::ptr_eq(&layer.pack, pack)));
    (view, packs)
}
