//! The base commit, which a solver may know.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::git::{Id, ObjectKind, Store, hash, parse_id};

/// Folders whose packages are no part of what a project installs.
const BESIDE: [&str; 14] = [
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "example",
    "benchmarks",
    "scripts",
    "tools",
    "tasks",
    "build",
    "ci",
    "utils",
];
/// Largest file that is read whole.
const LARGEST: u64 = 64 << 20;
/// How many folders may lie within each other.
const DEEPEST: usize = 64;

/// The base commit: what a solver may know of the project, against which everything else in an image is held.
pub struct Base {
    /// Its files, each with the name of its contents.
    pub(crate) files: HashMap<String, Id>,
    /// Its objects: the contents of its files, and its folders where these are known.
    pub(crate) ids: HashSet<Id>,
    /// Names of the project's packages.
    pub(crate) packages: BTreeSet<String>,
    /// Paths as they are installed, which begin with a package.
    installed: HashSet<String>,
    /// Its commit, where it has one.
    pub(crate) commit: Option<Id>,
    /// What could not be read.
    pub(crate) note: Option<String>,
    /// Where the tree's own repository borrows objects from.
    pub(crate) alternates: Vec<String>,
    store: Option<(Store, TempDir)>,
}

/// A path that ends as one of the project's does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder of the copy: of its package.
    pub(crate) folder: String,
    /// The path in the installed project.
    pub(crate) installed: String,
}

impl Base {
    /// Reads the base commit from the tree's own repository, the folder `.git` as a tar archive, whose names begin with
    /// that folder.
    ///
    /// # Errors
    /// When the archive breaks off, the machine has no room for it, or the commit is not there whole.
    /// It is [`io::ErrorKind::NotFound`] only where the reader says so before it gives anything.
    pub fn of_repository(mut archive: impl Read, base_commit: &str) -> io::Result<Self> {
        let mut first = [0];
        let length = archive.read(&mut first)?;
        let archive = first.get(..length).unwrap_or_default().chain(archive);
        Self::read_repository(archive, base_commit).map_err(|err| io::Error::other(err.to_string()))
    }

    fn read_repository(archive: impl Read, base_commit: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        unpack(archive, folder.path())?;
        let mut store = Store::open(&folder.path().join("objects"))?;
        let commit = parse_id(base_commit).or_else(|| resolve(folder.path(), base_commit));
        let files = commit.and_then(|commit| files_of(&mut store, &commit));
        let missing = || io::Error::other(format!("the base commit `{base_commit}` is not there, or not whole"));
        let (files, folders) = files.ok_or_else(missing)?;
        let alternates = fs::read_to_string(folder.path().join("objects/info/alternates")).unwrap_or_default();
        let alternates =
            alternates.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        let mut base = Self { alternates, commit, store: Some((store, folder)), ..Self::of(files) };
        base.ids.extend(folders);
        Ok(base)
    }

    /// Takes the files of a tree that has no repository, as a tar archive whose names begin with its folder, for those
    /// of the base commit, as the start of an episode does.
    ///
    /// # Errors
    /// When the archive breaks off.
    pub fn of_tree(archive: impl Read) -> io::Result<Self> {
        let (mut files, mut archive) = (HashMap::new(), tar::Archive::new(archive));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.components().skip(1).collect::<PathBuf>();
            if entry.header().entry_type().is_file() {
                let mut data = Vec::new();
                entry.by_ref().take(LARGEST).read_to_end(&mut data)?;
                files.insert(path.to_string_lossy().into_owned(), hash(ObjectKind::Blob, &data));
            }
        }
        let note = Some("the tree has no repository: its files are taken for those of the base commit".to_owned());
        Ok(Self { note, ..Self::of(files) })
    }

    /// Returns the base commit of files that are committed as they are.
    pub fn of_files(files: &BTreeMap<String, Vec<u8>>) -> Self {
        Self::of(files.iter().map(|(path, contents)| (path.clone(), hash(ObjectKind::Blob, contents))).collect())
    }

    fn of(files: HashMap<String, Id>) -> Self {
        let packages = packages(&files);
        let installed = |path: &String| {
            let folder = packages.iter().find(|folder| path.starts_with(&format!("{folder}/")))?;
            let start = folder.rfind('/').map_or(0, |at| at + 1);
            path.get(start..).map(str::to_owned)
        };
        let mut paths: HashSet<String> = files.keys().filter_map(installed).collect();
        let mut names: BTreeSet<String> =
            packages.iter().filter_map(|folder| folder.rsplit('/').next()).map(str::to_owned).collect();
        if names.is_empty() {
            // Not of Python: the paths themselves are what a copy would have.
            paths = files.keys().filter(|path| path.contains('/')).cloned().collect();
            names = paths.iter().filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
            names.retain(|name| !BESIDE.contains(&name.as_str()) && !name.starts_with('.'));
        }
        let ids = files.values().copied().collect();
        Self {
            files,
            ids,
            packages: names,
            installed: paths,
            commit: None,
            note: None,
            alternates: Vec::new(),
            store: None,
        }
    }

    /// Returns the contents of a file.
    pub(crate) fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        let id = self.files.get(path)?;
        Some(self.store.as_mut()?.0.read(id)?.data.clone())
    }

    /// Returns where a path would be in the installed project, if it ends as one does. Byte code is where its source is.
    pub(crate) fn place(&self, path: &str) -> Option<Place> {
        let source = source_of(path);
        let path = source.as_deref().unwrap_or(path);
        let mut start = 0;
        for part in path.split('/') {
            if self.packages.contains(part)
                && let Some(rest) = path.get(start..)
                && self.installed.contains(rest)
            {
                let folder = path.get(..start + part.len()).unwrap_or_default().to_owned();
                return Some(Place { folder, installed: rest.to_owned() });
            }
            start += part.len() + 1;
        }
        None
    }

    /// Returns how many files the installed project has.
    pub(crate) fn size(&self) -> usize {
        self.installed.len()
    }
}

/// Returns the source of byte code by its path; `None` for any other file.
pub(crate) fn source_of(path: &str) -> Option<String> {
    let stem = path.strip_suffix(".pyc").or_else(|| path.strip_suffix(".pyo"))?;
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let folder = match folder.strip_suffix("__pycache__") {
        Some(above) => above.trim_end_matches('/'),
        None => return Some(format!("{stem}.py")),
    };
    let name = name.split('.').next().unwrap_or(name);
    Some(if folder.is_empty() { format!("{name}.py") } else { format!("{folder}/{name}.py") })
}

/// Returns the outermost packages of a project: folders with an `__init__.py`, not below others of that kind.
fn packages(files: &HashMap<String, Id>) -> Vec<String> {
    let mut folders: Vec<&str> = files.keys().filter_map(|path| path.strip_suffix("/__init__.py")).collect();
    folders.sort_by_key(|folder| folder.len());
    let mut found: Vec<String> = Vec::new();
    for folder in folders {
        let mut parts = folder.split('/');
        let is_beside = parts.any(|part| BESIDE.contains(&part) || part.starts_with('.'));
        let is_below = found.iter().any(|above| folder.starts_with(&format!("{above}/")));
        if !is_beside && !is_below && folder.split('/').count() <= 3 {
            found.push(folder.to_owned());
        }
    }
    found
}

/// Writes what is needed of a git directory into a folder.
fn unpack(archive: impl Read, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut parts: Vec<String> = Vec::new();
        for part in path.components().skip(1) {
            match part {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                _ => continue,
            }
        }
        let is_wanted = matches!(parts.first().map(String::as_str), Some("objects" | "refs" | "HEAD" | "packed-refs"));
        if !is_wanted || !entry.header().entry_type().is_file() {
            continue;
        }
        let target = parts.iter().fold(folder.to_owned(), |path, part| path.join(part));
        if let Some(above) = target.parent() {
            fs::create_dir_all(above)?;
        }
        io::copy(&mut entry, &mut File::create(target)?)?;
    }
    Ok(())
}

/// Returns the commit that a name leads to.
fn resolve(folder: &Path, name: &str) -> Option<Id> {
    let mut name = name.to_owned();
    for _ in 0..8 {
        if name.contains("..") {
            return None;
        }
        let loose = fs::read_to_string(folder.join(&name)).ok();
        let packed = || {
            let text = fs::read_to_string(folder.join("packed-refs")).ok()?;
            let line = text.lines().find(|line| line.ends_with(&format!(" {name}")))?;
            line.split(' ').next().map(str::to_owned)
        };
        let text = loose.or_else(packed)?;
        match text.trim().strip_prefix("ref: ") {
            Some(next) => name = next.trim().to_owned(),
            None => return parse_id(&text),
        }
    }
    None
}

/// Returns the files of a commit, and the names of its folders; `None` where an object is missing.
fn files_of(store: &mut Store, commit: &Id) -> Option<(HashMap<String, Id>, Vec<Id>)> {
    let tree = store.read(commit)?.tree()?;
    let (mut files, mut folders, mut trees) = (HashMap::new(), vec![(String::new(), tree, 0)], Vec::new());
    while let Some((prefix, id, depth)) = folders.pop() {
        trees.push(id);
        let tree = store.read(&id).filter(|_| depth < DEEPEST)?;
        for (mode, name, id) in tree.entries() {
            let path = format!("{prefix}{}", String::from_utf8_lossy(name));
            match mode {
                b"40000" => folders.push((path + "/", id, depth + 1)),
                // Another repository.
                b"160000" => {}
                _ => drop(files.insert(path, id)),
            }
        }
    }
    Some((files, trees))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(paths: &[&str]) -> Base {
        Base::of_files(&paths.iter().map(|path| ((*path).to_owned(), path.as_bytes().to_vec())).collect())
    }

    #[test]
    fn paths_of_copies_are_known_by_their_ends() {
        let base =
            base(&["src/flask/__init__.py", "src/flask/json/__init__.py", "tests/__init__.py", "tests/test_a.py"]);
        let place = |path: &str| base.place(path).map(|place| (place.folder, place.installed));
        let of = |folder: &str, rest: &str| Some((folder.to_owned(), rest.to_owned()));
        assert_eq!(place("usr/lib/flask/json/__init__.py"), of("usr/lib/flask", "flask/json/__init__.py"));
        assert_eq!(place("flask/__init__.py"), of("flask", "flask/__init__.py"));
        assert_eq!(place("a/flask/json/__pycache__/__init__.cpython-311.pyc"), of("a/flask", "flask/json/__init__.py"));
        assert_eq!(place("x/flask/other.py"), None);
        assert_eq!(place("x/tests/test_a.py"), None);
    }

    #[test]
    fn sources_of_byte_code() {
        assert_eq!(source_of("a/__pycache__/b.cpython-311-pytest-7.4.pyc").as_deref(), Some("a/b.py"));
        assert_eq!(source_of("__pycache__/b.cpython-311.opt-1.pyc").as_deref(), Some("b.py"));
        assert_eq!(source_of("a/b.pyc").as_deref(), Some("a/b.py"));
        assert_eq!(source_of("a/b.py"), None);
    }
}
