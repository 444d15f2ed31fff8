//! Reads all files of an image once.

mod content;
mod git_dir;
mod judged;
mod link;
mod names;
mod zip;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read};

use content::{Content, Copy, Looking, is_metadata, limited, metadata};
use git_dir::{OwnNote, Repository, git_dir};
use names::{backup_of, is_patch_name};

use crate::base::{Base, Place, source_of};
use crate::certificate::{Finding, Lines, Seen};
use crate::git::{ObjectKind, hash};
use crate::gold::Gold;
use crate::search::{Edge, Search};

/// How many things that could not be read are named.
const UNREAD: usize = 50;

/// Reads all files of an image once, and tells what it found.
pub struct Scan<'a> {
    base: Base,
    gold: &'a Gold,
    /// Path of the tree in the image, without a slash at either end.
    root: String,
    search: Search,
    /// The constants of byte code as sources have them, and the groups of their texts.
    constants: (Search, Vec<usize>),
    marks: Marks,
    buffer: RefCell<Vec<u8>>,
    /// Gold texts that the base commit has as well.
    in_base: BTreeSet<usize>,
    /// Files of the base commit that are in the tree as they should be.
    equal: HashSet<String>,
    /// Sizes of Python's files in the tree and in copies.
    sources: HashMap<String, u64>,
    suspects: Vec<Suspect>,
    /// Where the suspects and the byte code of a path stand: a file with many names is looked up for each.
    places: (HashMap<String, usize>, HashMap<String, usize>),
    copies: BTreeMap<String, Copy>,
    /// Files of copies: the texts that were found in each, and whether the base commit has it.
    placed: HashMap<String, (BTreeSet<u16>, bool)>,
    byte_code: Vec<ByteCode>,
    repositories: BTreeMap<String, Repository>,
    /// Files of git directories in which there is something.
    git_files: HashMap<String, Content>,
    own: Vec<OwnNote>,
    /// Names and versions of what is installed, by the path of the file that says so.
    metadata: Vec<(String, String, String)>,
    seen: Seen,
}

/// Numbers of the texts that are searched for besides those of the gold patch.
struct Marks {
    instance: u16,
    /// Columns of a dataset.
    columns: [u16; 3],
    /// The first of those that a patch to the gold patch's files has.
    patches: u16,
}

/// A file in which there is something.
struct Suspect {
    path: String,
    /// The path in the tree.
    in_tree: Option<String>,
    content: Content,
    /// Whether it is a tracked file that is not as the base commit has it.
    is_modified: bool,
    /// The file of the project that it is kept of, and whether it is that of the base commit.
    backup: Option<(String, bool)>,
    /// A file of the project that it is a patch to.
    patches: Option<String>,
}

/// A file of byte code of the project.
struct ByteCode {
    path: String,
    source: String,
    /// Size of the source that it was made from, where it says so.
    size: Option<u64>,
    hits: BTreeSet<u16>,
}

impl<'a> Scan<'a> {
    /// Returns a scan of an image in which the tree is at `root`, for an instance.
    pub fn new(base: Base, gold: &'a Gold, root: &str, instance_id: &str) -> Self {
        let mut texts = gold.searched();
        let mut add = |text: &str| {
            texts.push((text.as_bytes().to_vec(), Edge::Word));
            u16::try_from(texts.len() - 1).unwrap_or(u16::MAX)
        };
        // A text has some length at least.
        let instance = add(&format!("{instance_id:>width$}", width = Search::LEAST));
        let columns = ["FAIL_TO_PASS", "PASS_TO_PASS", "test_patch"].map(&mut add);
        let patches = u16::try_from(texts.len()).unwrap_or(u16::MAX);
        texts.extend(gold.files.iter().map(|path| (format!("+++ b/{path}").into_bytes(), Edge::Word)));
        let (constants, groups) = gold.constants();
        Self {
            base,
            gold,
            constants: (Search::new(constants), groups),
            root: root.trim_matches('/').to_owned(),
            search: Search::new(texts),
            marks: Marks { instance, columns, patches },
            buffer: RefCell::default(),
            in_base: BTreeSet::new(),
            equal: HashSet::new(),
            sources: HashMap::new(),
            suspects: Vec::new(),
            places: Default::default(),
            copies: BTreeMap::new(),
            placed: HashMap::new(),
            byte_code: Vec::new(),
            repositories: BTreeMap::new(),
            git_files: HashMap::new(),
            own: Vec::new(),
            metadata: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Reads an image from a tar archive of all its files, whose names begin at its root.
    ///
    /// # Errors
    /// When the archive breaks off.
    pub fn tar(&mut self, archive: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.to_string_lossy().into_owned();
            let size = entry.size();
            match entry.header().entry_type() {
                kind if kind.is_file() => self.file(&path, size, &mut entry)?,
                // The same file by another name.
                tar::EntryType::Link => {
                    if let Some(target) = entry.link_name()? {
                        self.link(&path, &target.to_string_lossy());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads one file, by its path from the image's root.
    ///
    /// # Errors
    /// The reader's own.
    pub fn file(&mut self, path: &str, size: u64, reader: &mut dyn Read) -> io::Result<()> {
        let path = path.trim_start_matches("./").trim_start_matches('/');
        self.seen.files += 1;
        self.seen.bytes += size;
        if let Some((folder, rest)) = git_dir(path) {
            return self.of_git(folder.to_owned(), rest.to_owned(), (path, reader));
        }
        let in_tree = self.own_path(path);
        if path.ends_with(".py") {
            self.sources.insert(path.to_owned(), size);
        }
        match in_tree {
            Some(own) if self.base.files.contains_key(&own) => self.tracked(path, own, reader),
            in_tree => self.untracked(path, in_tree, reader),
        }
    }

    /// Reads a file that the base commit has, too.
    fn tracked(&mut self, path: &str, own: String, reader: &mut dyn Read) -> io::Result<()> {
        let (data, _) = limited(reader)?;
        let content = self.look(&mut data.as_slice().chain(reader), path)?;
        if is_metadata(path) {
            self.note_metadata(path, &data);
        }
        if self.base.files.get(&own) == Some(&hash(ObjectKind::Blob, &data)) {
            self.note_base(&data, &content.hits);
            self.equal.insert(own);
            return Ok(());
        }
        // Its size says nothing of the file that a solver sees.
        self.sources.remove(path);
        let none = (None, None);
        self.suspect(path, Some(own), content, true, none);
        Ok(())
    }

    /// Notes which texts a file of the base commit has.
    fn note_base(&mut self, data: &[u8], hits: &BTreeSet<u16>) {
        let mut found = BTreeSet::new();
        let (search, groups) = &self.constants;
        search.find(data, true, &mut found);
        self.in_base.extend(found.into_iter().filter_map(|number| groups.get(usize::from(number)).copied()));
        self.in_base.extend(self.gold.groups(hits));
    }

    fn untracked(&mut self, path: &str, in_tree: Option<String>, reader: &mut dyn Read) -> io::Result<()> {
        let place = self.base.place(path);
        if source_of(path).is_some() {
            return self.of_byte_code(path, in_tree.is_some() || place.is_some(), reader);
        }
        let original = self.original(path);
        let is_patch = is_patch_name(path);
        let is_compared = place.is_some() || original.is_some() || is_patch || is_metadata(path);
        if !is_compared {
            let content = self.look(reader, path)?;
            self.suspect(path, in_tree, content, false, (None, None));
            return Ok(());
        }
        let (data, is_whole) = limited(reader)?;
        let content = self.look(&mut data.as_slice().chain(reader), path)?;
        let is_known = is_whole && self.base.ids.contains(&hash(ObjectKind::Blob, &data));
        if is_metadata(path) {
            self.note_metadata(path, &data);
        }
        if let Some(place) = place {
            self.add_to_copy(place, path, is_known, content.hits);
            return Ok(());
        }
        let patches = if is_patch { names::patched(&data, &self.base) } else { None };
        let backup = original.map(|original| (original, is_known));
        self.suspect(path, in_tree, content, false, (backup, patches));
        Ok(())
    }

    /// Returns the path in the tree.
    fn own_path(&self, path: &str) -> Option<String> {
        path.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
    }

    /// Returns the file of the project that a file was kept of, by its name.
    fn original(&self, path: &str) -> Option<String> {
        let is_own = |original: &String| {
            let own = self.own_path(original);
            own.is_some_and(|own| self.base.files.contains_key(&own)) || self.base.place(original).is_some()
        };
        backup_of(path).filter(is_own)
    }

    fn add_to_copy(&mut self, place: Place, path: &str, is_known: bool, hits: BTreeSet<u16>) {
        let copy = self.copies.entry(place.folder).or_default();
        copy.add(&place.installed, path, is_known, &hits);
        self.placed.insert(path.to_owned(), (hits, is_known));
    }

    fn of_byte_code(&mut self, path: &str, is_own: bool, reader: &mut dyn Read) -> io::Result<()> {
        let content = self.look(reader, path)?;
        let number = |at: usize| Some(u32::from_le_bytes(content.head.get(at..at + 4)?.try_into().ok()?));
        // Otherwise it has a hash of its source in place of time and size.
        let size = number(4).filter(|flags| *flags == 0).and(number(12)).map(u64::from);
        let source = source_of(path).unwrap_or_default();
        if is_own {
            self.add_byte_code(ByteCode { path: path.to_owned(), source, size, hits: content.hits });
        } else {
            self.suspect(path, None, content, false, (None, None));
        }
        Ok(())
    }

    fn add_byte_code(&mut self, found: ByteCode) {
        self.places.1.insert(found.path.clone(), self.byte_code.len());
        self.byte_code.push(found);
    }

    fn look(&mut self, reader: &mut dyn Read, path: &str) -> io::Result<Content> {
        let looking = Looking { search: &self.search, base: &self.base, buffer: &self.buffer };
        let mut content = looking.read(reader, path)?;
        self.seen.searched += content.bytes;
        self.seen.members += content.members;
        self.seen.objects += content.objects;
        let room = UNREAD.saturating_sub(self.seen.unread.len());
        let notes = std::mem::take(&mut content.notes);
        self.seen.unread.extend(notes.into_iter().take(room).map(|note| format!("/{path}: {note}")));
        Ok(content)
    }

    fn note_unread(&mut self, note: String) {
        if self.seen.unread.len() < UNREAD {
            self.seen.unread.push(note);
        }
    }

    fn note_metadata(&mut self, path: &str, data: &[u8]) {
        if let Some((name, version)) = metadata(data) {
            self.metadata.push((path.to_owned(), name, version));
        }
    }

    /// Keeps a file for later if there is something in it: what the base commit has is known only at the end.
    fn suspect(
        &mut self,
        path: &str,
        in_tree: Option<String>,
        mut content: Content,
        is_modified: bool,
        (backup, patches): (Option<(String, bool)>, Option<String>),
    ) {
        let is_of_git = matches!(content.form, Some(content::Form::Pack | content::Form::Bundle)) || content.known > 0;
        let is_plain = content.hits.is_empty() && content.copies.is_empty() && !is_of_git;
        if is_plain && backup.is_none() && patches.is_none() {
            return;
        }
        content.head.clear();
        self.places.0.insert(path.to_owned(), self.suspects.len());
        self.suspects.push(Suspect { path: path.to_owned(), in_tree, content, is_modified, backup, patches });
    }

    /// Returns what was found, alarms first, how many lines of the gold patch were looked for, and what was read.
    pub fn finish(mut self) -> (Vec<Finding>, Lines, Seen) {
        self.read_rest_of_base();
        self.seen.unread.extend(self.base.note.clone());
        let mut findings = self.findings();
        findings.sort_by(|one, other| (!one.alarm, &one.path, one.kind).cmp(&(!other.alarm, &other.path, other.kind)));
        findings.dedup();
        let (added, distinctive) = self.gold.count(&self.in_base);
        (findings, Lines { added, distinctive }, self.seen)
    }

    /// Searches the files of the base commit that are not in the tree as they should be.
    fn read_rest_of_base(&mut self) {
        let missing: Vec<String> = self.base.files.keys().filter(|path| !self.equal.contains(*path)).cloned().collect();
        for path in missing {
            if let Some(data) = self.base.read(&path) {
                let mut hits = BTreeSet::new();
                self.search.find(&data, true, &mut hits);
                self.note_base(&data, &hits);
            }
        }
    }
}
