//! The files of one tree, each in some pack.

use std::sync::Arc;

use crate::error::SearchError;
use crate::key::Key;
use crate::pack::{Pack, Unit};
use crate::span::Outline;
use crate::tree::{Candidate, Stamp};

/// The files of one tree, each a unit of some pack. What else the packs hold is not part of the tree.
#[derive(Clone, Default)]
pub(crate) struct View {
    layers: Vec<Layer>,
    /// Every file, in the order of paths.
    files: Vec<FileId>,
}

/// A pack, and which of its units are files of the tree.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) pack: Arc<Pack>,
    pub(crate) live: Vec<bool>,
}

/// The place of a file: a layer and a unit of its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId {
    pub(crate) layer: u32,
    pub(crate) unit: u32,
}

/// The place of a span: a layer and a document of its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DocId {
    pub(crate) layer: u32,
    pub(crate) doc: u32,
}

impl View {
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn files(&self) -> &[FileId] {
        &self.files
    }

    pub(crate) fn layer(&self, layer: u32) -> Option<&Layer> {
        self.layers.get(layer as usize)
    }

    pub(crate) fn unit(&self, file: FileId) -> Option<&Unit> {
        self.layer(file.layer)?.pack.units.get(file.unit as usize)
    }

    pub(crate) fn path(&self, file: FileId) -> &str {
        self.unit(file).map(|unit| unit.path.as_str()).unwrap_or_default()
    }

    /// Returns the file at a path.
    pub(crate) fn find(&self, path: &str) -> Option<FileId> {
        let at = self.files.binary_search_by(|file| self.path(*file).cmp(path)).ok()?;
        self.files.get(at).copied()
    }

    /// Returns the file of a span, when it is part of the tree.
    pub(crate) fn file_of(&self, doc: DocId) -> Option<FileId> {
        let layer = self.layer(doc.layer)?;
        let unit = layer.pack.unit_of(doc.doc);
        let live = layer.live.get(unit).copied().unwrap_or_default();
        live.then_some(FileId { layer: doc.layer, unit: u32::try_from(unit).ok()? })
    }

    /// Returns a file's outline and text.
    pub(crate) fn open(&self, file: FileId) -> Result<(Outline, String), SearchError> {
        match self.layer(file.layer) {
            Some(layer) => Ok((layer.pack.outline(file.unit as usize)?, layer.pack.text(file.unit as usize)?)),
            None => Ok((Outline::default(), String::new())),
        }
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

    /// Adds a pack, and of its units those that `wanted` names; a file that is there already is replaced.
    pub(crate) fn add(&mut self, pack: Arc<Pack>, mut wanted: impl FnMut(&Key) -> bool) {
        let layer = u32::try_from(self.layers.len()).unwrap_or(u32::MAX);
        let live: Vec<bool> = pack.units.iter().map(|unit| wanted(&unit.key)).collect();
        if !live.contains(&true) {
            return;
        }
        let added = (0..).zip(&live).filter(|(_, live)| **live).map(|(unit, _)| FileId { layer, unit });
        let added: Vec<FileId> = added.collect();
        for file in &added {
            let path = pack.units.get(file.unit as usize).map(|unit| unit.path.as_str());
            if let Some(path) = path {
                self.remove(path);
            }
        }
        self.layers.push(Layer { pack, live });
        self.files.extend(added);
        self.sort();
    }

    /// Puts the layers of another view below those from `first` on; the files are not those that are here.
    pub(crate) fn insert(&mut self, first: usize, other: Self) {
        let count = u32::try_from(other.layers.len()).unwrap_or(u32::MAX);
        let at = u32::try_from(first).unwrap_or(u32::MAX);
        self.files.iter_mut().filter(|file| file.layer >= at).for_each(|file| file.layer += count);
        self.files.extend(other.files.into_iter().map(|file| FileId { layer: file.layer + at, ..file }));
        self.layers.splice(first..first, other.layers);
        self.sort();
    }

    /// Drops the layers from `first` on and returns their files, but for those that are `replaced`.
    pub(crate) fn take_from(&mut self, first: usize, replaced: &[Candidate]) -> Result<Vec<Candidate>, SearchError> {
        let mut taken = Vec::new();
        for file in self.files.iter().filter(|file| file.layer as usize >= first) {
            let path = self.path(*file);
            if replaced.iter().all(|other| other.path != path) {
                let bytes = Some(self.open(*file)?.1.into_bytes());
                taken.push(Candidate { path: path.to_owned(), stamp: Stamp::default(), bytes });
            }
        }
        self.files.retain(|file| (file.layer as usize) < first);
        self.layers.truncate(first);
        Ok(taken)
    }

    /// Drops the layers from `first` on that have no file of the tree left.
    pub(crate) fn prune(&mut self, first: usize) {
        let mut number = first;
        while let Some(layer) = self.layers.get(number) {
            if layer.live.contains(&true) {
                number += 1;
                continue;
            }
            self.layers.remove(number);
            for file in self.files.iter_mut().filter(|file| file.layer as usize > number) {
                file.layer -= 1;
            }
        }
    }

    /// Takes a file out.
    pub(crate) fn remove(&mut self, path: &str) -> bool {
        let Ok(at) = self.files.binary_search_by(|file| self.path(*file).cmp(path)) else { return false };
        let file = self.files.remove(at);
        let live = self.layers.get_mut(file.layer as usize).and_then(|layer| layer.live.get_mut(file.unit as usize));
        live.into_iter().for_each(|live| *live = false);
        true
    }

    fn sort(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| self.path(*a).cmp(self.path(*b)));
        self.files = files;
    }
}
