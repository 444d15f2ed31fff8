//! What is pulled and what is removed next, so that images stay within a budget. Nothing here does anything.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// Equal in images that have this layer and all below it in common.
    pub(crate) key: String,
    /// Bytes that it takes once it is there.
    pub(crate) bytes: u64,
    /// Bytes that its download takes beside these while the image is pulled.
    #[serde(default)]
    pub(crate) download: u64,
}

/// An image that is here by our doing, or is being pulled.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) layers: Vec<Layer>,
    /// Whether it is still being pulled.
    pub(crate) is_coming: bool,
    /// Whether work is under way in it, in this process or another.
    pub(crate) is_held: bool,
    /// When it was used last.
    pub(crate) used: u64,
}

/// An image that work needs.
#[derive(Debug, Clone)]
pub(crate) struct Needed {
    pub(crate) name: String,
    pub(crate) layers: Vec<Layer>,
}

/// All that the next step depends on.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// How many bytes images may take.
    pub(crate) budget: u64,
    /// How many pulls may be under way.
    pub(crate) pulls: usize,
    /// Keys of layers that images of others have, which cost nothing.
    pub(crate) free: HashSet<String>,
    /// The images that are here by our doing.
    pub(crate) stored: Vec<Stored>,
    /// What work waits for, the first first.
    pub(crate) waiting: Vec<Needed>,
    /// What is needed later, in the order in which it is.
    pub(crate) later: Vec<Needed>,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// An image is pulled.
    Pull(String),
    /// An image is removed.
    Remove(String),
    /// An image takes so many bytes, which is more than the budget.
    TooLarge(String, u64),
    /// Nothing, until something ends.
    Nothing,
}

/// Returns what is done next.
pub(crate) fn next(view: &View) -> Step {
    let room = Space::of(view);
    if room.taken() > view.budget
        && let Some(name) = room.least_needed(None, |_| true)
    {
        return Step::Remove(name);
    }
    if view.stored.iter().filter(|image| image.is_coming).count() >= view.pulls.max(1) {
        return Step::Nothing;
    }
    let is_missing = |needed: &&Needed| view.stored.iter().all(|image| image.name != needed.name);
    if let Some(first) = view.waiting.iter().find(is_missing) {
        let alone = room.alone(first);
        if alone > view.budget {
            return Step::TooLarge(first.name.clone(), alone);
        }
        // What comes after it would only keep it waiting.
        return room.make(first, |_| true);
    }
    let Some(first) = view.later.iter().find(is_missing) else { return Step::Nothing };
    if room.alone(first) > view.budget {
        // It is told when its turn comes.
        return view.later.iter().filter(is_missing).nth(1).map_or(Step::Nothing, |next| match room.alone(next) {
            alone if alone > view.budget => Step::Nothing,
            _ => room.make(next, |place| place.is_none()),
        });
    }
    // Ahead of its time, it displaces nothing that is needed.
    room.make(first, |place| place.is_none())
}

/// What the images take.
struct Space<'a> {
    view: &'a View,
    /// How many images have a layer, and what it takes with its download.
    layers: HashMap<&'a str, (usize, u64)>,
    /// Keys of the layers that images have which are needed and not here.
    wanted: HashSet<&'a str>,
    /// When an image is needed next, where it is.
    places: HashMap<&'a str, usize>,
}

impl<'a> Space<'a> {
    fn of(view: &'a View) -> Self {
        let mut layers: HashMap<&str, (usize, u64)> = HashMap::new();
        // Those that are here come first: what they have is not downloaded again.
        for is_coming in [false, true] {
            for image in view.stored.iter().filter(|image| image.is_coming == is_coming) {
                for layer in image.layers.iter().filter(|layer| !view.free.contains(&layer.key)) {
                    let download = if is_coming { layer.download } else { 0 };
                    let bytes = layer.bytes.saturating_add(download);
                    layers.entry(&layer.key).or_insert((0, bytes)).0 += 1;
                }
            }
        }
        let needed = || view.waiting.iter().chain(&view.later);
        let stored: HashSet<&str> = view.stored.iter().map(|image| image.name.as_str()).collect();
        let missing = needed().filter(|needed| !stored.contains(needed.name.as_str()));
        let wanted = missing.flat_map(|needed| &needed.layers).map(|layer| layer.key.as_str()).collect();
        let mut places = HashMap::new();
        for (place, needed) in needed().enumerate() {
            places.entry(needed.name.as_str()).or_insert(place);
        }
        Self { view, layers, wanted, places }
    }

    fn taken(&self) -> u64 {
        self.layers.values().map(|(_, bytes)| *bytes).sum()
    }

    /// Returns what pulling an image takes where nothing else is.
    fn alone(&self, needed: &Needed) -> u64 {
        self.more(needed, |_| true)
    }

    fn more(&self, needed: &Needed, counts: impl Fn(&str) -> bool) -> u64 {
        let mut seen = HashSet::new();
        let new = needed.layers.iter().filter(|layer| !self.view.free.contains(&layer.key) && counts(&layer.key));
        new.filter(|layer| seen.insert(&layer.key)).map(|layer| layer.bytes.saturating_add(layer.download)).sum()
    }

    /// Returns the step that brings an image nearer; only what is needed at a `place` that may go makes room for it.
    fn make(&self, needed: &Needed, may_go: impl Fn(Option<usize>) -> bool) -> Step {
        let more = self.more(needed, |key| !self.layers.contains_key(key));
        if self.taken().saturating_add(more) <= self.view.budget {
            return Step::Pull(needed.name.clone());
        }
        let stays = |image: &&Stored| !self.goes(image, &may_go);
        let mut left: HashMap<&str, u64> = HashMap::new();
        for image in self.view.stored.iter().filter(stays) {
            for layer in &image.layers {
                if let Some((_, bytes)) = self.layers.get(layer.key.as_str()) {
                    left.insert(&layer.key, *bytes);
                }
            }
        }
        let least = left.values().sum::<u64>().saturating_add(self.more(needed, |key| !left.contains_key(key)));
        if least > self.view.budget {
            return Step::Nothing;
        }
        self.least_needed(Some(needed), may_go).map_or(Step::Nothing, Step::Remove)
    }

    fn goes(&self, image: &Stored, may_go: impl Fn(Option<usize>) -> bool) -> bool {
        !image.is_held && !image.is_coming && may_go(self.places.get(image.name.as_str()).copied())
    }

    /// Returns the image that is missed least: one that no work needs, the least recently used of them first, else the
    /// one that is needed last. One whose layers are needed by what is still to come stays longer.
    fn least_needed(&self, for_whom: Option<&Needed>, may_go: impl Fn(Option<usize>) -> bool) -> Option<String> {
        let going = self.view.stored.iter().filter(|image| self.goes(image, &may_go));
        let of_newcomer: HashSet<&str> =
            for_whom.iter().flat_map(|needed| &needed.layers).map(|layer| layer.key.as_str()).collect();
        let rated = going.filter_map(|image| {
            let own = image.layers.iter().filter_map(|layer| match self.layers.get(layer.key.as_str()) {
                Some((1, bytes)) => Some((layer.key.as_str(), *bytes)),
                _ => None,
            });
            let (mut freed, mut missed) = (0_u64, 0_u64);
            for (key, bytes) in own {
                if self.wanted.contains(key) || of_newcomer.contains(key) {
                    missed += bytes;
                }
                freed += bytes;
            }
            let place = self.places.get(image.name.as_str());
            (freed > 0).then_some(((place.is_some(), missed, Reverse(place), image.used, &image.name), missed < freed))
        });
        let rated: Vec<_> = rated.collect();
        // One that frees only what is needed again is no gain, unless there is no other.
        let least = |gain: bool| rated.iter().filter(|one| one.1 || !gain).map(|one| one.0).min();
        let found = least(true).or_else(|| least(false)).map(|(.., name)| name.clone());
        // What frees nothing by itself may do so together with others.
        let shared = || self.view.stored.iter().find(|image| self.goes(image, &may_go)).map(|image| image.name.clone());
        found.or_else(shared)
    }
}

#[cfg(test)]
mod tests;
