//! What of that which was seen is a leak.

use std::collections::BTreeSet;

use super::content::{Copy, Form};
use super::git_dir::Repository;
use super::names::{Whereabouts, is_later, normal, vendored_by, whereabouts};
use super::{ByteCode, Scan, Suspect};
use crate::certificate::Finding;
use crate::gold::Shown;
use crate::kind::Kind;

/// Why something that the start of an episode removes is no alarm.
const CLEANED: &str = "the start of an episode removes it";
/// Words and characters that a file that has nothing to do with the project has to share with the gold patch.
const WORDS: usize = 6;
const CHARACTERS: usize = 50;
/// The same for lines next to each other as only the gold patch puts them.
const JOINED_WORDS: usize = 4;
const JOINED_CHARACTERS: usize = 40;

impl Scan<'_> {
    /// Returns all findings.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let own = self.own.iter().filter_map(|note| {
            let shown = self.shown(&note.hits);
            let evidence = if note.evidence.is_empty() { shown.related()? } else { note.evidence.clone() };
            Some(finding(note.kind, &note.path, vec![evidence], Some(CLEANED.to_owned())))
        });
        let repositories = self.repositories.iter().filter_map(|(path, repository)| self.repository(path, repository));
        let copies = self.copies.iter().filter_map(|(folder, copy)| self.copy(folder, copy));
        let byte_code = self.byte_code.iter().filter_map(|byte_code| self.byte_code(byte_code));
        let suspects = self.suspects.iter().filter_map(|suspect| self.suspected(suspect));
        own.chain(repositories).chain(copies).chain(byte_code).chain(suspects).collect()
    }

    fn shown(&self, hits: &BTreeSet<u16>) -> Shown {
        self.gold.shown(hits, &self.in_base)
    }

    fn is_in_tree(&self, path: &str) -> bool {
        path.strip_prefix(&self.root).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns whether so many of the project's files are enough to be a copy of it.
    fn is_copy(&self, files: u64, of: usize) -> bool {
        files > 0 && files >= 3.min(of as u64)
    }

    fn repository(&self, path: &str, repository: &Repository) -> Option<Finding> {
        let shown = self.shown(&repository.hits);
        let is_project = self.is_copy(repository.known, self.base.ids.len());
        let mut evidence = Vec::new();
        if is_project {
            let Repository { objects, known, .. } = repository;
            evidence.push(format!("{known} of its {objects} objects are the base commit's"));
        }
        evidence.extend(if is_project { shown.related() } else { shown.unrelated() });
        if evidence.is_empty() {
            return None;
        }
        let is_bare = !path.ends_with("/.git");
        let kind = if is_bare { Kind::BareRepository } else { Kind::Repository };
        // One commit and perhaps a tag.
        let is_base = is_project && repository.objects <= repository.known + 2 && evidence.len() == 1;
        let is_lent = self.base.alternates.iter().any(|lent| {
            let lent = lent.trim_matches('/').trim_end_matches("/objects");
            path == lent
        });
        let excused = if is_base {
            Some("it holds the base commit and nothing else".to_owned())
        } else if is_lent || (self.is_in_tree(path) && path.ends_with("/.git")) {
            Some(CLEANED.to_owned())
        } else {
            None
        };
        Some(finding(kind, path, evidence, excused))
    }

    fn copy(&self, folder: &str, copy: &Copy) -> Option<Finding> {
        let (evidence, excused) = self.copied((folder, false), copy, self.version_beside(folder).as_deref())?;
        let kind = match whereabouts(folder, self.is_in_tree(folder)) {
            Whereabouts::Cache => Kind::PackageCache,
            Whereabouts::Build => Kind::BuildFolder,
            Whereabouts::Site => Kind::InstalledCopy,
            Whereabouts::Other => Kind::SourceCopy,
        };
        Some(finding(kind, folder, evidence, excused))
    }

    /// Returns what shows that a copy of the project is another one than that of the base commit, and why it is no alarm.
    fn copied(
        &self,
        (folder, is_packed): (&str, bool),
        copy: &Copy,
        version: Option<&str>,
    ) -> Option<(Vec<String>, Option<String>)> {
        let shown = self.shown(&copy.hits);
        let gold = shown.related();
        let is_project = self.is_copy(copy.files.len() as u64, self.base.size());
        if copy.others.is_empty() || (!is_project && gold.is_none()) {
            return None;
        }
        let example = copy.example.as_deref().unwrap_or_default();
        let mut evidence = vec![format!(
            "{} of {} files are not the base commit's, such as `{example}`",
            copy.others.len(),
            copy.files.len()
        )];
        let own = self.own_version();
        let later = version.zip(own.as_deref()).and_then(|(version, own)| is_later(version, own));
        if let (Some(version), Some(own)) = (version, &own) {
            evidence.push(format!("it is version {version}, the tree is {own}"));
        }
        let is_told = gold.is_some();
        evidence.extend(gold);
        // A build makes some files that the tree does not have as such.
        let is_much = copy.others.len() >= 3 && copy.others.len() * 20 > copy.files.len();
        let excused = if let Some(package) = self.vendored(folder, is_packed) {
            Some(format!("`{package}` brings it along"))
        } else if is_told || later == Some(true) || (later.is_none() && (is_much || self.has_gold_file(copy))) {
            None
        } else if later == Some(false) {
            Some("it is no later version than the tree".to_owned())
        } else {
            Some("a build makes as many files of its own".to_owned())
        };
        Some((evidence, excused))
    }

    /// Returns whether a file of the gold patch is among those of a copy that are not the base commit's.
    fn has_gold_file(&self, copy: &Copy) -> bool {
        let is_gold = |other: &String| {
            let end = format!("/{other}");
            self.gold.files.iter().any(|file| file == other || file.ends_with(&end))
        };
        copy.others.iter().any(is_gold)
    }

    /// Returns the package besides the project that brings a copy along.
    fn vendored(&self, folder: &str, is_packed: bool) -> Option<String> {
        vendored_by(folder, is_packed).filter(|package| !self.is_own(package))
    }

    /// Returns the version of the project in the tree.
    fn own_version(&self) -> Option<String> {
        let own = self.metadata.iter().filter(|(path, name, _)| self.is_own(name) && self.is_in_tree(path));
        own.min_by_key(|(path, ..)| path.len()).map(|(.., version)| version.clone())
    }

    /// Returns the version of the project that is installed beside a folder.
    fn version_beside(&self, folder: &str) -> Option<String> {
        let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
        let beside = self.metadata.iter().filter(|(path, name, _)| {
            let info = path.rsplit_once('/').map_or("", |(info, _)| info);
            self.is_own(name) && info.rsplit_once('/').map_or("", |(above, _)| above) == above
        });
        beside.map(|(.., version)| version.clone()).next()
    }

    fn is_own(&self, name: &str) -> bool {
        self.base.packages.iter().any(|package| normal(package) == normal(name))
    }

    fn byte_code(&self, byte_code: &ByteCode) -> Option<Finding> {
        let ByteCode { path, source, size, hits } = byte_code;
        let shown = self.shown(hits);
        let mut evidence: Vec<String> = shown.related().into_iter().collect();
        let is_told = !evidence.is_empty();
        let own = source.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('/'));
        let is_tracked = own.is_some_and(|own| self.base.files.contains_key(own));
        match (self.sources.get(source), size) {
            (Some(there), Some(size)) if there != size => {
                evidence.push(format!("it was made from a source of {size} bytes, which has {there}"));
            }
            (None, _) if !is_tracked => evidence.push("its source is missing".to_owned()),
            _ => {}
        }
        let package =
            self.base.place(path).and_then(|place| self.vendored(&place.folder, false)).filter(|_| own.is_none());
        let excused = package.map(|package| format!("`{package}` brings it along"));
        // Byte code of a copy is judged with the copy.
        let is_of_copy =
            own.is_none() && !is_told && self.copies.keys().any(|folder| source.starts_with(&format!("{folder}/")));
        (!evidence.is_empty() && !is_of_copy).then(|| finding(Kind::ByteCode, path, evidence, excused))
    }

    fn suspected(&self, suspect: &Suspect) -> Option<Finding> {
        let Suspect { path, content, .. } = suspect;
        let shown = self.shown(&content.hits);
        if suspect.is_modified {
            let evidence = vec![shown.related()?];
            return Some(finding(Kind::ModifiedFile, path, evidence, Some(CLEANED.to_owned())));
        }
        if let Some(found) = self.git_file(suspect, &shown) {
            return Some(found);
        }
        if let Some(found) = self.archive(suspect, &shown) {
            return Some(found);
        }
        if let Some(found) = self.rows(suspect, &shown) {
            return Some(found);
        }
        if let Some((original, is_base)) = &suspect.backup {
            let evidence = [Some(format!("it was kept of `/{original}`")), shown.related()];
            let excused = is_base.then(|| "it is as the base commit has it".to_owned());
            return Some(finding(Kind::Backup, path, evidence.into_iter().flatten().collect(), excused));
        }
        let patches = self.gold.files.iter().zip(self.marks.patches..).find(|(_, mark)| content.hits.contains(mark));
        let patched = suspect.patches.clone().filter(|_| suspect.in_tree.is_some() || shown.related().is_some());
        let patched = patched.or_else(|| patches.map(|(file, _)| file.clone()));
        if let Some(file) = patched {
            let evidence = [Some(format!("it changes `{file}`")), shown.related()];
            return Some(finding(Kind::PatchFile, path, evidence.into_iter().flatten().collect(), None));
        }
        let evidence = vec![shown.unrelated()?];
        Some(finding(Kind::GoldLines, path, evidence, None))
    }

    fn git_file(&self, suspect: &Suspect, shown: &Shown) -> Option<Finding> {
        let content = &suspect.content;
        let is_project = self.is_copy(content.known, self.base.ids.len());
        let kind = match content.form {
            Some(Form::Bundle) => Kind::Bundle,
            Some(Form::Pack) => Kind::Pack,
            // A repository in an archive, unless it is that of the base commit alone: one commit and perhaps a tag.
            _ if is_project && content.objects > content.known + 2 => Kind::Archive,
            _ => return None,
        };
        let counted =
            is_project.then(|| format!("{} of its {} objects are the base commit's", content.known, content.objects));
        let evidence: Vec<String> =
            counted.into_iter().chain(if is_project { shown.related() } else { shown.unrelated() }).collect();
        let is_removed = suspect.in_tree.is_some() && kind != Kind::Archive;
        let excused = is_removed.then(|| CLEANED.to_owned());
        (!evidence.is_empty()).then(|| finding(kind, &suspect.path, evidence, excused))
    }

    fn archive(&self, suspect: &Suspect, shown: &Shown) -> Option<Finding> {
        let Suspect { path, content, .. } = suspect;
        let version = content.metadata.iter().find(|(name, _)| self.is_own(name)).map(|(_, version)| version.as_str());
        let judged = content.copies.iter().filter_map(|(folder, copy)| self.copied((folder, true), copy, version));
        let (mut evidence, mut excused) = (Vec::new(), Some(None));
        for (of_copy, why) in judged {
            evidence.extend(of_copy);
            excused = excused.filter(|_| why.is_some()).map(|_| why);
        }
        if evidence.is_empty() {
            return None;
        }
        let in_copies: BTreeSet<u16> = content.copies.values().flat_map(|copy| copy.hits.iter().copied()).collect();
        if content.hits.difference(&in_copies).next().is_some()
            && let Some(more) = shown.unrelated()
        {
            evidence.push(more);
            excused = None;
        }
        let is_wheel = path.ends_with(".whl") || content.form == Some(Form::Zip) && version.is_some();
        let kind = match whereabouts(path, suspect.in_tree.is_some()) {
            Whereabouts::Cache => Kind::PackageCache,
            _ if path.ends_with(".egg") => Kind::Egg,
            _ if is_wheel => Kind::Wheel,
            _ if version.is_some() => Kind::SourcePackage,
            _ => Kind::Archive,
        };
        Some(finding(kind, path, evidence, excused.flatten()))
    }

    fn rows(&self, suspect: &Suspect, shown: &Shown) -> Option<Finding> {
        let hits = &suspect.content.hits;
        let columns = self.marks.columns.iter().filter(|mark| hits.contains(mark)).count();
        let is_named = hits.contains(&self.marks.instance);
        if columns == 0 || (!is_named && (columns < 2 || shown.related().is_none())) {
            return None;
        }
        let evidence = [Some("it has the columns of a dataset and the instance".to_owned()), shown.related()];
        Some(finding(Kind::DatasetRows, &suspect.path, evidence.into_iter().flatten().collect(), None))
    }
}

impl Shown {
    /// Returns what a file of the project shows of the gold patch, in words.
    fn related(&self) -> Option<String> {
        (!self.lines.is_empty() || (self.is_joined && self.words > 2)).then(|| self.in_words())
    }

    /// Returns what any other file shows of it, which has to be more.
    fn unrelated(&self) -> Option<String> {
        let is_much = self.words >= WORDS && self.characters >= CHARACTERS;
        let is_joined = self.is_joined && self.words >= JOINED_WORDS && self.characters >= JOINED_CHARACTERS;
        (is_much || is_joined).then(|| self.in_words())
    }

    fn in_words(&self) -> String {
        if self.lines.is_empty() {
            return "lines next to each other as only the gold patch puts them".to_owned();
        }
        let numbers: Vec<String> = self.lines.iter().take(10).map(ToString::to_string).collect();
        let more = if self.lines.len() > 10 { ", …" } else { "" };
        format!("{} lines that the gold patch adds: {}{more}", self.lines.len(), numbers.join(", "))
    }
}

fn finding(kind: Kind, path: &str, evidence: Vec<String>, excused: Option<String>) -> Finding {
    let path = format!("/{}", path.trim_start_matches('/'));
    // A program that has such lines for a reason of its own would break.
    let is_installed = kind == Kind::GoldLines && whereabouts(&path, false) == Whereabouts::Site;
    let (alarm, removable) = (excused.is_none(), kind.is_removable() && !is_installed);
    Finding { kind, path, evidence, alarm, excused, removable }
}
