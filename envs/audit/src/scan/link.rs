//! Further names of files that were read: an archive holds what a file is only once.

use super::content::{Content, is_object};
use super::git_dir::git_dir;
use super::{ByteCode, Scan, Suspect};
use crate::base::source_of;
use crate::git::parse_id;

impl Scan<'_> {
    /// Judges another name of a file that was read as if it were read again.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        let [path, target] = [path, target].map(|path| path.trim_start_matches("./").trim_start_matches('/'));
        self.seen.files += 1;
        if let Some(size) = self.sources.get(target).copied() {
            self.sources.insert(path.to_owned(), size);
        }
        if let Some((folder, _)) = git_dir(path) {
            return self.link_of_git(folder, path, target);
        }
        let in_tree = self.own_path(path);
        let tracked = in_tree.as_ref().and_then(|own| self.base.files.get(own));
        if let Some(id) = tracked {
            let other = self.own_path(target).filter(|other| self.equal.contains(other));
            if other.is_some_and(|other| self.base.files.get(&other) == Some(id)) {
                self.equal.extend(in_tree);
            }
            return;
        }
        if let Some((_, name, version)) = self.metadata.iter().find(|(file, ..)| file == target).cloned() {
            self.metadata.push((path.to_owned(), name, version));
        }
        let (content, is_known) = self.first(target);
        let place = self.base.place(path);
        if let Some(source) = source_of(path).filter(|_| in_tree.is_some() || place.is_some()) {
            let size = self.byte_code_of(target).and_then(|first| first.size);
            self.add_byte_code(ByteCode { path: path.to_owned(), source, size, hits: content.hits });
        } else if let Some(place) = place {
            self.add_to_copy(place, path, is_known, content.hits);
        } else {
            let backup = self.original(path).map(|original| (original, is_known));
            let patches = self.suspect_of(target).and_then(|suspect| suspect.patches.clone());
            self.suspect(path, in_tree, content, false, (backup, patches));
        }
    }

    fn link_of_git(&mut self, folder: &str, path: &str, target: &str) {
        if folder == format!("{}/.git", self.root) {
            return;
        }
        let (content, _) = self.first(target);
        let repository = self.repositories.entry(folder.to_owned()).or_default();
        repository.hits.extend(content.hits);
        if is_object(path) {
            let id = parse_id(&path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<String>());
            repository.objects += 1;
            repository.known += u64::from(id.is_some_and(|id| self.base.ids.contains(&id)));
        } else if path.ends_with(".idx") {
            repository.objects += content.objects;
            repository.known += content.known;
        }
    }

    fn suspect_of(&self, path: &str) -> Option<&Suspect> {
        self.suspects.get(*self.places.0.get(path)?)
    }

    fn byte_code_of(&self, path: &str) -> Option<&ByteCode> {
        self.byte_code.get(*self.places.1.get(path)?)
    }

    /// Returns what was in a file by its first name, and whether it is one of the base commit's.
    fn first(&self, target: &str) -> (Content, bool) {
        let of = |hits| Content { hits, ..Content::default() };
        if let Some(suspect) = self.suspect_of(target) {
            return (suspect.content.clone(), suspect.backup.as_ref().is_some_and(|(_, is_known)| *is_known));
        }
        if let Some((hits, is_known)) = self.placed.get(target) {
            return (of(hits.clone()), *is_known);
        }
        if let Some(first) = self.byte_code_of(target) {
            return (of(first.hits.clone()), false);
        }
        if let Some(content) = self.git_files.get(target) {
            return (content.clone(), false);
        }
        (Content::default(), self.own_path(target).is_some_and(|own| self.equal.contains(&own)))
    }
}
