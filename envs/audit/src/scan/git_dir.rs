//! What lies in git directories: the tree's own, and others.

use std::collections::BTreeSet;
use std::io::{self, Read};

use super::Scan;
use super::content::{Content, is_object, limited};
use crate::git::{ids_of_index, parse_id};
use crate::kind::Kind;

/// Largest index of a pack that is read, in bytes: one of millions of objects.
const LARGEST_INDEX: u64 = 512 << 20;

/// A git directory that is not the tree's own.
#[derive(Debug, Default)]
pub(super) struct Repository {
    /// Its objects, and how many of these are the base commit's.
    pub(super) objects: u64,
    pub(super) known: u64,
    /// Texts in its objects.
    pub(super) hits: BTreeSet<u16>,
}

/// Something in the tree's own git directory that its cleaning removes.
#[derive(Debug)]
pub(super) struct OwnNote {
    pub(super) kind: Kind,
    pub(super) path: String,
    pub(super) evidence: String,
    pub(super) hits: BTreeSet<u16>,
}

/// Returns the git directory that a file lies in, and its path there.
pub(super) fn git_dir(path: &str) -> Option<(&str, &str)> {
    if let Some(at) = path.find("/.git/").map(|at| at + 5).or_else(|| path.starts_with(".git/").then_some(4)) {
        return Some((path.get(..at)?, path.get(at + 1..)?));
    }
    // Without a working tree it may have any name.
    let folder = if is_object(path) {
        let end = path.len().checked_sub("/objects/00/".len() + 38)?;
        path.get(..end)?
    } else if path.ends_with(".idx") || path.ends_with(".pack") {
        path.rsplit_once("/objects/pack/")?.0
    } else {
        return None;
    };
    Some((folder, path.get(folder.len() + 1..)?))
}

impl Scan<'_> {
    /// Reads a file of a git directory.
    pub(super) fn of_git(
        &mut self,
        folder: String,
        rest: String,
        (path, reader): (&str, &mut dyn Read),
    ) -> io::Result<()> {
        if folder == format!("{}/.git", self.root) {
            return self.of_own_git(&folder, &rest, (path, reader));
        }
        if rest.ends_with(".idx") {
            let (objects, known) = self.of_index(path, reader)?;
            let repository = self.repositories.entry(folder).or_default();
            repository.objects += objects;
            repository.known += known;
            return Ok(());
        }
        let content = self.look(reader, path)?;
        self.keep_of_git(path, &content);
        let repository = self.repositories.entry(folder).or_default();
        repository.hits.extend(content.hits);
        if is_object(path) {
            let id = parse_id(&path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<String>());
            repository.objects += 1;
            repository.known += u64::from(id.is_some_and(|id| self.base.ids.contains(&id)));
        }
        Ok(())
    }

    /// Reads the index of a pack; returns how many objects it has, and how many of these are the base commit's.
    fn of_index(&mut self, path: &str, reader: &mut dyn Read) -> io::Result<(u64, u64)> {
        let mut index = Vec::new();
        reader.take(LARGEST_INDEX).read_to_end(&mut index)?;
        let Some(ids) = ids_of_index(&index) else {
            self.note_unread(format!("/{path}: the index of a pack is broken or too large"));
            return Ok((0, 0));
        };
        let known = ids.iter().filter(|id| self.base.ids.contains(*id)).count() as u64;
        let objects = ids.len() as u64;
        self.git_files.insert(path.to_owned(), Content { objects, known, ..Content::default() });
        Ok((objects, known))
    }

    /// Keeps what is in a file of a git directory, which may have another name elsewhere.
    fn keep_of_git(&mut self, path: &str, content: &Content) {
        if !content.hits.is_empty() || content.objects > 1 {
            self.git_files.insert(path.to_owned(), Content { head: Vec::new(), ..content.clone() });
        }
    }

    fn of_own_git(&mut self, folder: &str, rest: &str, (path, reader): (&str, &mut dyn Read)) -> io::Result<()> {
        let first = rest.split('/').next().unwrap_or_default();
        if first == "worktrees" {
            let name = rest.split('/').nth(1).unwrap_or_default();
            let path = format!("{folder}/worktrees/{name}");
            if !self.own.iter().any(|note| note.path == path) {
                self.note_own(Kind::Worktree, &path, "a further working tree".to_owned());
            }
        }
        let is_text = matches!(first, "refs" | "logs" | "packed-refs") || first.ends_with("_HEAD");
        if rest.ends_with(".idx") {
            self.of_index(path, reader)?;
            return Ok(());
        }
        if !is_text && rest != "objects/info/alternates" {
            let content = self.look(reader, path)?;
            self.keep_of_git(path, &content);
            let is_objects = rest.contains("objects/");
            if !content.hits.is_empty() {
                let kind = if is_objects { Kind::Objects } else { Kind::GoldLines };
                let (path, hits) = (path.to_owned(), content.hits);
                self.own.push(OwnNote { kind, path, evidence: String::new(), hits });
            }
            return Ok(());
        }
        let (data, _) = limited(reader)?;
        let text = String::from_utf8_lossy(&data).into_owned();
        if rest == "objects/info/alternates" {
            self.note_own(Kind::Alternates, path, format!("objects are borrowed from `{}`", text.trim()));
            return Ok(());
        }
        let others = self.other_commits(&text);
        if others.is_empty() {
            return Ok(());
        }
        let kind = match first {
            _ if rest.ends_with("refs/stash") => Kind::Stash,
            "refs" | "packed-refs" => Kind::Refs,
            _ => Kind::Reflog,
        };
        let shown = others.iter().take(1).next().cloned().unwrap_or_default();
        self.note_own(kind, path, format!("{} commits other than the base commit, such as `{shown}`", others.len()));
        Ok(())
    }

    /// Returns the commits that a text names besides the base commit.
    fn other_commits(&self, text: &str) -> BTreeSet<String> {
        let words = text.split(|character: char| !character.is_ascii_hexdigit());
        let ids = words.filter(|word| word.len() == 40 && word.bytes().any(|byte| byte != b'0'));
        ids.filter(|word| parse_id(word).is_some_and(|id| self.base.commit != Some(id))).map(str::to_owned).collect()
    }

    fn note_own(&mut self, kind: Kind, path: &str, evidence: String) {
        self.own.push(OwnNote { kind, path: path.to_owned(), evidence, hits: BTreeSet::new() });
    }
}
