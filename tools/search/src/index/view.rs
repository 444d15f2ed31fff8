//! The files of one tree, whose parts are in some packs.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cut::key::Key;
use crate::cut::place::is_test;
use crate::cut::span::Outline;
use crate::error::SearchError;
use crate::index::pack::Pack;
use crate::index::tree::{Candidate, Stamp};

/// The files of one tree, whose parts are units of some packs. What else the packs hold is not part of the tree.
#[derive(Clone, Default)]
pub(crate) struct View {
    layers: Vec<Layer>,
    /// Files by their id; one that is gone leaves a hole.
    slots: Vec<Option<File>>,
    /// Every file, in the order of paths.
    files: Vec<FileId>,
}

/// A pack, and which of its units are part of which file of the tree.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) pack: Arc<Pack>,
    owners: Vec<Option<FileId>>,
}

/// A file of the tree.
#[derive(Clone)]
struct File {
    path: String,
    test: bool,
    parts: Vec<UnitId>,
}

/// The place of a part: a layer and a unit of its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitId {
    layer: u32,
    unit: u32,
}

/// A file, as long as it is in the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u32);

/// The place of a span: a layer and a document of its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DocId {
    pub(crate) layer: u32,
    pub(crate) doc: u32,
}

impl Layer {
    /// Returns the file that a unit is part of.
    pub(crate) fn owner(&self, unit: usize) -> Option<FileId> {
        self.owners.get(unit).copied().flatten()
    }
}

impl View {
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn files(&self) -> &[FileId] {
        &self.files
    }

    /// Returns a number that every id of a file is below.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    fn file(&self, id: FileId) -> Option<&File> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn path(&self, id: FileId) -> &str {
        self.file(id).map(|file| file.path.as_str()).unwrap_or_default()
    }

    pub(crate) fn is_test(&self, id: FileId) -> bool {
        self.file(id).is_some_and(|file| file.test)
    }

    /// Returns the file at a path.
    pub(crate) fn find(&self, path: &str) -> Option<FileId> {
        let at = self.files.binary_search_by(|file| self.path(*file).cmp(path)).ok()?;
        self.files.get(at).copied()
    }

    /// Returns the file of a span, when it is part of the tree.
    pub(crate) fn file_of(&self, doc: DocId) -> Option<FileId> {
        let layer = self.layers.get(doc.layer as usize)?;
        layer.owner(layer.pack.unit_of(doc.doc))
    }

    fn parts(&self, id: FileId) -> impl Iterator<Item = (UnitId, &Pack)> {
        let parts = self.file(id).map(|file| file.parts.as_slice()).unwrap_or_default();
        parts.iter().filter_map(|part| Some((*part, &*self.layers.get(part.layer as usize)?.pack)))
    }

    /// Returns the documents of a file, which are its spans in order, but for parts that have none.
    pub(crate) fn docs(&self, id: FileId) -> impl Iterator<Item = DocId> {
        self.parts(id)
            .flat_map(|(part, pack)| pack.docs(part.unit as usize).map(move |doc| DocId { layer: part.layer, doc }))
    }

    /// Returns why names of a file may be missing.
    pub(crate) fn unparsed(&self, id: FileId) -> Option<&str> {
        self.parts(id).find_map(|(part, pack)| pack.unparsed(part.unit as usize))
    }

    /// Returns a file's text.
    pub(crate) fn text(&self, id: FileId) -> Result<String, SearchError> {
        self.parts(id).map(|(part, pack)| pack.text(part.unit as usize)).collect()
    }

    /// Returns a file's outline, and the document of each of its spans.
    pub(crate) fn outline(&self, id: FileId) -> Result<(Outline, Vec<DocId>), SearchError> {
        let (mut whole, mut docs, mut used) = (Outline::default(), Vec::new(), FxHashMap::default());
        for (part, pack) in self.parts(id) {
            let outline = pack.outline(part.unit as usize)?;
            let spans = pack.docs(part.unit as usize).take(outline.spans.len());
            docs.extend(spans.map(|doc| DocId { layer: part.layer, doc }));
            whole.append(outline, &mut used);
        }
        Ok((whole, docs))
    }

    /// Returns the spans with a word of the symbol table.
    pub(crate) fn symbol(&self, word: &str) -> Result<Vec<DocId>, SearchError> {
        let mut found = Vec::new();
        for (number, layer) in (0..).zip(&self.layers) {
            let docs = layer.pack.symbol(word)?.into_iter().map(|doc| DocId { layer: number, doc });
            found.extend(docs.filter(|doc| self.file_of(*doc).is_some()));
        }
        Ok(found)
    }

    /// Returns whether some layer has a unit.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.layers.iter().any(|layer| layer.pack.unit(key).is_some())
    }

    /// Adds a pack, whose units are part of no file yet.
    pub(crate) fn push(&mut self, pack: Arc<Pack>) {
        let owners = vec![None; pack.units.len()];
        self.layers.push(Layer { pack, owners });
    }

    /// Adds a file whose parts are in the layers; one at the same path is replaced.
    pub(crate) fn put(&mut self, path: &str, keys: &[Key]) {
        let place = |key: &Key| {
            let mut layers = (0..).zip(&self.layers);
            layers.find_map(|(layer, here)| Some(UnitId { layer, unit: here.pack.unit(key)? }))
        };
        let parts = keys.iter().filter_map(place).collect();
        self.remove(path);
        self.set(File { path: path.to_owned(), test: is_test(path), parts });
    }

    fn set(&mut self, file: File) {
        let is_full = self.files.len() == self.slots.len();
        let free = if is_full { None } else { self.slots.iter().position(Option::is_none) };
        let slot = free.unwrap_or(self.slots.len());
        let id = FileId(u32::try_from(slot).unwrap_or(u32::MAX));
        for part in &file.parts {
            self.own(*part, Some(id));
        }
        let at = self.files.partition_point(|other| self.path(*other) < file.path.as_str());
        self.files.insert(at, id);
        match self.slots.get_mut(slot) {
            Some(free) => *free = Some(file),
            None => self.slots.push(Some(file)),
        }
    }

    fn own(&mut self, part: UnitId, owner: Option<FileId>) {
        let layer = self.layers.get_mut(part.layer as usize);
        let place = layer.and_then(|layer| layer.owners.get_mut(part.unit as usize));
        place.into_iter().for_each(|place| *place = owner);
    }

    /// Takes a file out.
    pub(crate) fn remove(&mut self, path: &str) {
        let Ok(at) = self.files.binary_search_by(|file| self.path(*file).cmp(path)) else { return };
        let id = self.files.remove(at);
        let file = self.slots.get_mut(id.0 as usize).and_then(Option::take);
        for part in file.into_iter().flat_map(|file| file.parts) {
            self.own(part, None);
        }
    }

    /// Puts the layers of another view below those from `first` on; the files are not those that are here.
    pub(crate) fn insert(&mut self, first: usize, other: Self) {
        let (count, at) = (number(other.layers.len()), number(first));
        self.renumber(|layer| if layer >= at { layer + count } else { layer });
        let layers = other.layers.into_iter().map(|layer| Layer { owners: vec![None; layer.owners.len()], ..layer });
        self.layers.splice(first..first, layers);
        for mut file in other.slots.into_iter().flatten() {
            file.parts.iter_mut().for_each(|part| part.layer += at);
            self.set(file);
        }
    }

    /// Drops the layers from `first` on and returns the files with parts in them, but for those that are `replaced`.
    pub(crate) fn take_from(&mut self, first: usize, replaced: &[Candidate]) -> Result<Vec<Candidate>, SearchError> {
        let is_above = |id: &FileId| self.parts(*id).any(|(part, _)| part.layer >= number(first));
        let above: Vec<FileId> = self.files.iter().copied().filter(is_above).collect();
        let mut taken = Vec::new();
        for id in above {
            let path = self.path(id).to_owned();
            if replaced.iter().all(|other| other.path != path) {
                let bytes = Some(self.text(id)?.into_bytes());
                taken.push(Candidate { path: path.clone(), stamp: Stamp::default(), bytes });
            }
            self.remove(&path);
        }
        self.layers.truncate(first);
        Ok(taken)
    }

    /// Drops the layers from `first` on that have no part of a file left.
    pub(crate) fn prune(&mut self, first: usize) {
        let mut at = first;
        while let Some(layer) = self.layers.get(at) {
            if layer.owners.iter().any(Option::is_some) {
                at += 1;
                continue;
            }
            self.layers.remove(at);
            self.renumber(|layer| if layer > number(at) { layer - 1 } else { layer });
        }
    }

    fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        let parts = self.slots.iter_mut().flatten().flat_map(|file| &mut file.parts);
        parts.for_each(|part| part.layer = new(part.layer));
    }
}

fn number(layer: usize) -> u32 {
    u32::try_from(layer).unwrap_or(u32::MAX)
}
