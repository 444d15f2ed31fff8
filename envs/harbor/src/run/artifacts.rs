//! What an agent's sandbox hands to a verifier's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Component, Path};

use env_core::EnvError;
use globset::{GlobBuilder, GlobMatcher};
use tar::{Archive, Builder, EntryType, Header};
use tool_core::{Command, FileError, Sandbox, shell_quote};

/// Entries that are named of those that are not handed over.
const NAMED: usize = 5;

/// A file or folder without what could reach beyond it.
///
/// Only files, folders, and links that stay within it are kept, without the bits that give their owner's rights: as
/// Harbor 0.26 hands them over. Whoever made it was free to put anything there, and the verifier must not write or run
/// what a link leads to.
pub(crate) struct Artifact {
    /// Where it was, and will be.
    source: String,
    is_folder: bool,
    tar: Vec<u8>,
    /// The entries that were left out.
    pub(crate) skipped: Vec<String>,
}

impl Artifact {
    /// Takes what a sandbox's archive of `source` holds, but for the paths that a pattern of `exclude` matches.
    ///
    /// # Errors
    /// When it is no archive.
    pub(crate) fn new(source: &str, archive: &[u8], exclude: &[String]) -> io::Result<Self> {
        let exclude: Vec<GlobMatcher> = exclude.iter().filter_map(|pattern| matcher(pattern)).collect();
        let mut kept = Kept::default();
        for entry in Archive::new(archive).entries()? {
            let mut entry = entry?;
            let name = entry.path()?.into_owned();
            let Some(path) = plain(&name) else {
                kept.skip(&name.to_string_lossy());
                continue;
            };
            if excluded(&path, &exclude) {
                continue;
            }
            let link = entry.link_name()?.map(|link| link.to_string_lossy().into_owned());
            let mut contents = Vec::new();
            if entry.header().entry_type().is_file() {
                entry.read_to_end(&mut contents)?;
            }
            kept.take(&path, entry.header(), link.as_deref(), &contents)?;
        }
        let Kept { tar, places, skipped } = kept;
        let top = source.rsplit('/').next().unwrap_or_default();
        let is_folder = places.get(top).is_some_and(|place| *place == Place::Folder);
        Ok(Self { source: source.to_owned(), is_folder, tar: tar.into_inner()?, skipped })
    }

    /// Says what was left out; nothing where nothing was.
    pub(crate) fn told(&self) -> String {
        let named: Vec<String> = self.skipped.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = self.skipped.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match named.is_empty() {
            true => String::new(),
            false => format!("not handed to the verifier of `{}`: {}{more}\n", self.source, named.join(", ")),
        }
    }

    /// Puts it where it was; what is in a folder's place goes. The inner error says why it cannot be there, which is
    /// the doing of whoever made it.
    pub(crate) async fn put(&self, sandbox: &dyn Sandbox) -> Result<Result<(), String>, EnvError> {
        let folder = self.source.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { "/" } else { folder };
        let file = repo::scratch_path(sandbox, "artifact.tar");
        match sandbox.write_file(&file, &self.tar, Some(0o600)).await {
            Ok(()) => {}
            Err(FileError::Sandbox(err)) => return Err(err.into()),
            Err(err) => return Ok(Err(err.to_string())),
        }
        let clear = match self.is_folder {
            true => format!("rm -rf {} && ", shell_quote(&self.source)),
            false => String::new(),
        };
        let (folder, file) = (shell_quote(folder), shell_quote(&file));
        let script = format!("{clear}mkdir -p {folder} && tar -xf {file} -C {folder}; e=$?; rm -f {file}; exit $e");
        let output = sandbox.exec(Command::fresh(script)).await?;
        let refused = || format!("`{}` cannot be unpacked: {}", self.source, output.output.trim());
        Ok(if output.success() { Ok(()) } else { Err(refused()) })
    }
}

/// What a kept path is.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Folder,
    File,
    /// A link, with where it leads.
    Link(String),
}

struct Kept {
    tar: Builder<Vec<u8>>,
    places: BTreeMap<String, Place>,
    skipped: Vec<String>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { tar: Builder::new(Vec::new()), places: BTreeMap::new(), skipped: Vec::new() }
    }
}

impl Kept {
    fn skip(&mut self, path: &str) {
        self.skipped.push(path.to_owned());
    }

    /// Keeps an entry if it stays within the archive's first component.
    fn take(&mut self, path: &str, from: &Header, link: Option<&str>, contents: &[u8]) -> io::Result<()> {
        // What would be written through a link, or over one.
        let through = parents(path).any(|parent| matches!(self.places.get(parent), Some(Place::Link(_) | Place::File)));
        let kind = from.entry_type();
        let place = match kind {
            EntryType::Directory => Some(Place::Folder),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Some(Place::File),
            EntryType::Symlink => link.filter(|link| stays(path, link)).map(|link| Place::Link(link.to_owned())),
            // To a file that is kept, by the name that it has in the archive.
            EntryType::Link => link
                .and_then(|link| plain(Path::new(link)))
                .filter(|link| self.places.get(link) == Some(&Place::File))
                .map(|_| Place::File),
            _ => None,
        };
        let known = self.places.get(path).filter(|known| place.as_ref() != Some(*known));
        let Some(place) = place.filter(|_| !through && known.is_none()) else {
            self.skip(path);
            return Ok(());
        };
        let mut header = Header::new_gnu();
        header.set_entry_type(if kind.is_file() { EntryType::Regular } else { kind });
        header.set_mode(from.mode().unwrap_or(0o644) & 0o777);
        header.set_mtime(from.mtime().unwrap_or(0));
        header.set_size(contents.len() as u64);
        match link.filter(|_| matches!(kind, EntryType::Symlink | EntryType::Link)) {
            Some(link) => self.tar.append_link(&mut header, path, link)?,
            None => self.tar.append_data(&mut header, path, contents)?,
        }
        self.places.insert(path.to_owned(), place);
        Ok(())
    }
}

/// Returns the path of an entry whose components are names alone.
fn plain(path: &Path) -> Option<String> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

/// Returns whether a symbolic link at `path` leads to a place below the first component of `path`.
fn stays(path: &str, link: &str) -> bool {
    let mut at: Vec<&str> = path.split('/').collect();
    // A link in the artifact's own place leads beside it.
    at.pop();
    for component in Path::new(link).components() {
        match component {
            Component::Normal(name) => match name.to_str() {
                Some(name) => at.push(name),
                None => return false,
            },
            Component::CurDir => {}
            // Never above the first component, on the way either.
            Component::ParentDir if at.len() > 1 => drop(at.pop()),
            _ => return false,
        }
    }
    !at.is_empty() && path.split('/').next() == at.first().copied() && path.contains('/')
}

/// Yields the folders above a path.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Returns a pattern as `tar --exclude` reads it: stars match slashes, and it may begin at any component.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let build = |pattern: &str| GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
    let pattern = pattern.trim_end_matches('/');
    // What is no pattern is a name.
    let glob = build(pattern).or_else(|_| build(&globset::escape(pattern)));
    glob.ok().map(|glob| glob.compile_matcher())
}

/// Returns whether a pattern matches a path or a folder above it.
fn excluded(path: &str, exclude: &[GlobMatcher]) -> bool {
    let ends: BTreeSet<usize> = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect();
    let begins: Vec<usize> = [0].into_iter().chain(path.match_indices('/').map(|(at, _)| at + 1)).collect();
    let parts = |end: usize| begins.iter().filter(move |begin| **begin < end).map(move |begin| &path[*begin..end]);
    ends.into_iter().any(|end| parts(end).any(|part| exclude.iter().any(|glob| glob.is_match(part))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        for (path, kind, text) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o4755);
            // Written by hand, as the builder itself refuses paths that lead out.
            let name = &mut header.as_old_mut().name;
            name[..path.len()].copy_from_slice(path.as_bytes());
            let is_file = kind.is_file();
            if !is_file {
                header.set_link_name_literal(text).unwrap();
            }
            header.set_size(if is_file { text.len() as u64 } else { 0 });
            header.set_cksum();
            tar.append(&header, if is_file { text.as_bytes() } else { b"" }).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn kept(artifact: &Artifact) -> Vec<(String, u32)> {
        let mut archive = Archive::new(&*artifact.tar);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap())).collect()
    }

    #[test]
    fn what_leads_out_of_an_artifact_is_left_behind() {
        use EntryType::{Directory, Fifo, Link, Regular, Symlink};
        let tar = archive(&[
            ("out", Directory, ""),
            ("out/a", Regular, "text"),
            ("out/near", Symlink, "a"),
            ("out/sub", Directory, ""),
            ("out/sub/up", Symlink, "../a"),
            ("out/same", Link, "out/a"),
            ("out/far", Symlink, "/tests"),
            ("out/over", Symlink, "../../tests"),
            ("out/there-and-back", Symlink, "../out/a"),
            ("out/other", Link, "etc/passwd"),
            ("out/pipe", Fifo, ""),
            ("out/door", Symlink, "sub"),
            ("out/door/in", Regular, "through a link"),
            ("out/near", Regular, "over a link"),
            ("../up", Regular, "x"),
            ("out/cache/b.pyc", Regular, "x"),
            ("out/c.log", Regular, "x"),
            ("out/[d", Regular, "x"),
        ]);
        let exclude = ["*.log", "cache", "[d"].map(str::to_owned);
        let artifact = Artifact::new("/logs/out", &tar, &exclude).unwrap();
        assert!(artifact.is_folder);
        let names: Vec<(String, u32)> = ["out", "out/a", "out/near", "out/sub", "out/sub/up", "out/same", "out/door"]
            .map(|name| (name.to_owned(), 0o755))
            .into();
        assert_eq!(kept(&artifact), names);
        let skipped = ["out/far", "out/over", "out/there-and-back", "out/other", "out/pipe", "out/door/in", "out/near"];
        assert_eq!(artifact.skipped, [&skipped[..], &["../up"]].concat());
        assert!(artifact.told().ends_with("`out/pipe` and 3 more\n"), "{}", artifact.told());
    }

    #[test]
    fn an_artifact_that_is_itself_a_link_is_nothing() {
        let tar = archive(&[("model.patch", EntryType::Symlink, "/tests/gold.patch")]);
        let artifact = Artifact::new("/logs/model.patch", &tar, &[]).unwrap();
        assert_eq!((kept(&artifact).len(), artifact.skipped.len(), artifact.is_folder), (0, 1, false));
        assert!(Artifact::new("/logs/out", b"no archive", &[]).is_err());
    }
}
