//! The files of a checkout, from a folder or from an archive.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::cut::place::{Skip, is_test, largest, skip_contents, skip_folder, skip_path};
use crate::error::SearchError;

/// How many files were left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The number for each reason. Files in a folder that is left out whole are not counted one by one.
    pub counts: BTreeMap<Skip, usize>,
    /// What could not be read, with the reason.
    pub unreadable: Vec<String>,
}

impl Skipped {
    pub(crate) fn count(&mut self, skip: Skip) {
        *self.counts.entry(skip).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        other.counts.into_iter().for_each(|(skip, count)| *self.counts.entry(skip).or_default() += count);
        self.unreadable.extend(other.unreadable);
    }

    fn unreadable(&mut self, path: &str, reason: &dyn std::fmt::Display) {
        self.count(Skip::Unreadable);
        self.unreadable.push(format!("{path}: {reason}"));
    }
}

/// What is taken from a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_file: u64,
    pub(crate) tests: bool,
}

/// A file before it is read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Relative to the root, with slashes.
    pub(crate) path: String,
    pub(crate) stamp: Stamp,
    /// The contents, where they are at hand already.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Candidate {
    pub(crate) fn size(&self) -> u64 {
        self.bytes.as_ref().map_or(self.stamp.size, |bytes| bytes.len() as u64)
    }
}

/// What changes when a file is written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    size: u64,
    inode: u64,
    pub(crate) modified: i128,
    changed: i128,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            size: metadata.len(),
            inode: metadata.ino(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns whether a later change may have left the same stamp, for one taken at `now`.
    pub(crate) fn is_fresh(&self, now: i128) -> bool {
        self.modified.max(self.changed) > now - 1_000_000_000
    }
}

/// Lists the files of a folder that may be indexed. Symbolic links are not followed.
pub(crate) fn walk(root: &Path, limits: Limits, skipped: &mut Skipped) -> Result<Vec<Candidate>, SearchError> {
    if !root.is_dir() {
        return Err(SearchError::Tree(format!("`{}` is not a folder", root.display())));
    }
    let mut candidates = Vec::new();
    let mut walk = WalkDir::new(root).follow_links(false).into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(err) => {
                let path = err.path().unwrap_or(root).display().to_string();
                skipped.unreadable(&path, &err);
                continue;
            }
        };
        let name = entry.file_name().to_string_lossy();
        if entry.depth() > 0 && entry.file_type().is_dir() && skip_folder(&name) {
            skipped.count(Skip::Vendored);
            walk.skip_current_dir();
            continue;
        }
        let Some(path) = relative(root, entry.path()).filter(|_| entry.file_type().is_file()) else { continue };
        if let Some(skip) = admit(&path, 0, limits) {
            skipped.count(skip);
            continue;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.len() > largest(&path, limits.max_file) => skipped.count(Skip::TooLarge),
            Ok(metadata) => candidates.push(Candidate { path, stamp: Stamp::of(&metadata), bytes: None }),
            Err(err) => skipped.unreadable(&path, &err),
        }
    }
    Ok(candidates)
}

/// Returns the files of a tar archive of a folder; member names begin with the folder's own name, which is cut off.
pub(crate) fn unpack(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, SearchError> {
    let broken = |err: std::io::Error| SearchError::Tree(format!("the archive of the tree is broken: {err}"));
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_, path)) = name.trim_start_matches("./").split_once('/') else { continue };
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or_default());
            entry.read_to_end(&mut bytes).map_err(broken)?;
            files.push((path.to_owned(), bytes));
        }
    }
    Ok(files)
}

/// Returns why a file is left out, as far as that is known before it is read.
pub(crate) fn admit(path: &str, size: u64, limits: Limits) -> Option<Skip> {
    let skip = skip_path(path, size, limits.max_file);
    skip.or_else(|| (!limits.tests && is_test(path)).then_some(Skip::Test))
}

/// Reads a file; what cannot be read, or is no text of a person, is counted and left out.
pub(crate) fn read(root: &Path, candidate: Candidate, limits: Limits, skipped: &mut Skipped) -> Option<Vec<u8>> {
    let max = largest(&candidate.path, limits.max_file);
    let bytes = match candidate.bytes {
        Some(bytes) => bytes,
        None => match read_bounded(&root.join(&candidate.path), max) {
            Ok(bytes) => bytes,
            Err(err) => {
                skipped.unreadable(&candidate.path, &err);
                return None;
            }
        },
    };
    let skip = if bytes.len() as u64 > max { Some(Skip::TooLarge) } else { skip_contents(&candidate.path, &bytes) };
    match skip {
        Some(skip) => {
            skipped.count(skip);
            None
        }
        None => Some(bytes),
    }
}

/// Reads a file that may grow while it is read.
fn read_bounded(path: &PathBuf, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned())
}
