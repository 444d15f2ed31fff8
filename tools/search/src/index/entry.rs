//! What lies in the cache's folder, and what of it may stay.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The file by which a pack is known, and whose time tells when it was last used.
pub(crate) const LIST: &str = "units";
/// The folder of a repository's manifests.
pub(crate) const TREES: &str = "trees";
/// How names begin of what is not yet whole.
pub(crate) const PARTIAL: &str = ".partial-";

/// Packs of one repository; the ones unused for longest go first.
const PACKS: usize = 24;
/// Manifests of one repository.
const MANIFESTS: usize = 200;
/// What is not whole after this was left behind by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A pack or a manifest.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
}

/// Removes what killed processes left behind, and what was unused for longest until the folder keeps to its limits.
/// What is `kept` is in use.
pub(crate) fn trim(root: &Path, repository: &Path, max_bytes: u64, kept: &HashSet<PathBuf>) {
    let repositories: Vec<PathBuf> = folders(root).iter().flat_map(|format| folders(format)).collect();
    for repository in &repositories {
        remove_abandoned(repository);
        remove_abandoned(&repository.join(TREES));
    }
    shorten(&mut entries(packs(repository)), PACKS, kept);
    shorten(&mut entries(manifests(repository)), MANIFESTS, kept);
    let all = repositories.iter().flat_map(|repository| packs(repository).into_iter().chain(manifests(repository)));
    let mut all = entries(all);
    let mut bytes: u64 = all.iter().map(|entry| entry.bytes).sum();
    all.retain(|entry| !kept.contains(&entry.path));
    for entry in all {
        if bytes <= max_bytes {
            break;
        }
        bytes -= entry.bytes;
        remove(&entry.path);
    }
}

/// Returns the folders of a repository's packs.
pub(crate) fn packs(repository: &Path) -> Vec<PathBuf> {
    let is_pack = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pack-"));
    folders(repository).into_iter().filter(is_pack).collect()
}

/// Notes that a pack or a manifest was used.
pub(crate) fn touch(path: &Path) {
    let touched = fs::File::open(stamped(path)).and_then(|file| file.set_modified(SystemTime::now()));
    touched.err().into_iter().for_each(|err| tracing::debug!("`{}`: {err}", path.display()));
}

fn shorten(entries: &mut Vec<Entry>, most: usize, kept: &HashSet<PathBuf>) {
    let many = entries.len().saturating_sub(most);
    entries.retain(|entry| !kept.contains(&entry.path));
    entries.iter().take(many).for_each(|entry| remove(&entry.path));
}

/// Returns packs or manifests, the one unused for longest first.
fn entries(paths: impl IntoIterator<Item = PathBuf>) -> Vec<Entry> {
    let entry = |path: PathBuf| Entry { used: age(&stamped(&path)), bytes: size(&path), path };
    let mut entries: Vec<Entry> = paths.into_iter().map(entry).collect();
    entries.sort();
    entries
}

/// Returns the file whose time tells when a pack or a manifest was last used.
fn stamped(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(LIST) } else { path.to_owned() }
}

fn age(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn size(path: &Path) -> u64 {
    let own = fs::metadata(path).map_or(0, |metadata| metadata.len());
    own + children(path).iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum::<u64>()
}

fn remove_abandoned(folder: &Path) {
    let old = |path: &PathBuf| SystemTime::now().duration_since(age(path)).is_ok_and(|age| age > ABANDONED);
    let is_partial = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PARTIAL));
    children(folder).into_iter().filter(is_partial).filter(old).for_each(|path| remove(&path));
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.err().into_iter().for_each(|err| tracing::debug!("`{}` stays: {err}", path.display()));
}

fn manifests(repository: &Path) -> Vec<PathBuf> {
    let whole = |path: &PathBuf| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
    children(&repository.join(TREES)).into_iter().filter(whole).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    children(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
