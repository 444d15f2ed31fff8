//! What a process knows of the images that its work needs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::NeededImage;
use super::planner::{Layer, Needed};

/// What an image is taken to need that nothing is known of, nor of any other.
const UNKNOWN: u64 = 5 << 30;
/// How long an image stays that the engine did not release, before that is retried.
const STUCK: Duration = Duration::from_secs(5);

/// What a process knows of the images that its work needs.
#[derive(Default)]
pub(super) struct State {
    /// By name.
    known: HashMap<String, Known>,
    /// Images in the order in which they are needed.
    order: Vec<String>,
    /// How many planned items each still has.
    uses: HashMap<String, usize>,
    /// Who waits for an image, in their order.
    waiting: BTreeMap<u64, Wait>,
    number: u64,
    /// How many items are under way in an image.
    held: HashMap<String, usize>,
    /// Images that could not be pulled ahead of their time.
    failed: HashSet<String>,
    /// Images that are here without our doing.
    of_others: HashSet<String>,
    /// Images that the engine did not remove, and when.
    stuck: HashMap<String, Instant>,
    /// Bytes that images of a group took for themselves.
    own: HashMap<String, Vec<u64>>,
    /// The most that any took.
    most: u64,
    /// Until when no registry gives anything.
    pub(super) paused: Option<Instant>,
    /// Whether something has changed since a driver looked.
    pub(super) is_dirty: bool,
    /// Whether a driver is at it.
    pub(super) is_driven: bool,
}

struct Known {
    wanted: NeededImage,
    /// `None` where they are known only once the image is here.
    layers: Option<Vec<Layer>>,
}

struct Wait {
    name: String,
    answer: Option<Result<(), String>>,
}

impl State {
    pub(super) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    pub(super) fn learn(&mut self, wanted: &NeededImage, layers: Option<Vec<Layer>>) {
        self.known.insert(wanted.name.clone(), Known { wanted: wanted.clone(), layers });
    }

    /// Takes in what an image turned out to have, and what of it is its own.
    pub(super) fn measured(&mut self, name: &str, layers: &[Layer], own: u64) {
        if let Some(known) = self.known.get_mut(name) {
            known.layers = Some(layers.to_vec());
            self.own.entry(known.wanted.group.clone()).or_default().push(own);
        }
        self.most = self.most.max(own);
    }

    pub(super) fn platform(&self, name: &str) -> Option<String> {
        self.known.get(name)?.wanted.platform.clone()
    }

    /// Returns what tells an image's layers for the sake of order.
    pub(super) fn path(&self, wanted: &NeededImage) -> Vec<String> {
        let known = self.known.get(&wanted.name).and_then(|known| known.layers.as_ref());
        let layers = known.map(|layers| layers.iter().map(|layer| layer.key.clone()).collect());
        let mut path: Vec<String> = layers.unwrap_or_else(|| vec![format!("group {}", wanted.group)]);
        path.push(wanted.name.clone());
        path
    }

    pub(super) fn plan<'a>(&mut self, wanted: impl Iterator<Item = &'a NeededImage>) {
        for one in wanted {
            let uses = self.uses.entry(one.name.clone()).or_default();
            *uses += 1;
            if *uses == 1 {
                self.order.push(one.name.clone());
            }
        }
    }

    pub(super) fn done(&mut self, name: &str) {
        if let Some(uses) = self.uses.get_mut(name) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.uses.remove(name);
                self.order.retain(|one| one != name);
            }
        }
    }

    pub(super) fn wait_for(&mut self, name: &str) -> u64 {
        self.number += 1;
        self.waiting.insert(self.number, Wait { name: name.to_owned(), answer: None });
        self.number
    }

    /// Takes the answer to a wait, if there is one.
    pub(super) fn answer(&mut self, number: u64) -> Option<Result<(), String>> {
        self.waiting.get(&number)?.answer.as_ref()?;
        self.waiting.remove(&number)?.answer
    }

    /// Ends a wait, whose image nobody has taken.
    pub(super) fn give_up(&mut self, number: u64) {
        if let Some(Wait { name, answer: Some(Ok(())) }) = self.waiting.remove(&number) {
            self.release(&name);
        }
    }

    /// Holds an image for one more item, where it is held already.
    pub(super) fn hold_again(&mut self, name: &str) -> bool {
        self.held.get_mut(name).map(|count| *count += 1).is_some()
    }

    pub(super) fn release(&mut self, name: &str) {
        if let Some(count) = self.held.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(name);
            }
        }
    }

    /// Gives all who wait for an image their answer.
    pub(super) fn grant(&mut self, name: &str, answer: &Result<(), String>) {
        for wait in self.waiting.values_mut().filter(|wait| wait.name == name && wait.answer.is_none()) {
            wait.answer = Some(answer.clone());
            if answer.is_ok() {
                *self.held.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    pub(super) fn fail(&mut self, name: &str, why: &str) {
        self.failed.insert(name.to_owned());
        self.grant(name, &Err(why.to_owned()));
    }

    /// Gives all who wait the same bad news.
    pub(super) fn fail_all(&mut self, why: &str) {
        let waiting: Vec<String> = self.waiting();
        waiting.iter().for_each(|name| self.grant(name, &Err(why.to_owned())));
    }

    /// Returns the images that are waited for, each once, in their order.
    pub(super) fn waiting(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let waiting = self.waiting.values().filter(|wait| wait.answer.is_none());
        waiting.map(|wait| &wait.name).filter(|name| seen.insert(*name)).cloned().collect()
    }

    pub(super) fn is_held(&self, name: &str) -> bool {
        self.held.contains_key(name) || self.stuck.get(name).is_some_and(|since| since.elapsed() < STUCK)
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.held.contains_key(name)
    }

    pub(super) fn is_of_others(&mut self, name: &str) {
        self.of_others.insert(name.to_owned());
    }

    pub(super) fn is_gone(&mut self, name: &str) {
        self.of_others.remove(name);
    }

    pub(super) fn stuck(&mut self, name: &str) {
        self.stuck.insert(name.to_owned(), Instant::now());
    }

    /// Returns what is waited for, and what is needed later.
    pub(super) fn needed(&self, disk: u64) -> (Vec<Needed>, Vec<Needed>) {
        let needed = |name: &String| Needed { name: name.clone(), layers: self.layers(name, disk) };
        let waiting = self.waiting();
        let pulled = |name: &String| !self.failed.contains(name) && !self.of_others.contains(name);
        let is_later = |name: &&String| !waiting.contains(name) && pulled(name);
        (waiting.iter().map(needed).collect(), self.order.iter().filter(is_later).map(needed).collect())
    }

    /// Returns the layers of an image; where they are not known, one that takes as much as those of its group did.
    pub(super) fn layers(&self, name: &str, disk: u64) -> Vec<Layer> {
        let known = self.known.get(name);
        if let Some(layers) = known.and_then(|known| known.layers.clone()) {
            return layers;
        }
        let own = known.and_then(|known| self.own.get(&known.wanted.group));
        let guess = match own.map(Vec::as_slice) {
            // The first brought what the others share.
            Some([_, others @ ..]) if !others.is_empty() => others.iter().copied().max().unwrap_or_default() / 4 * 5,
            Some([first, ..]) => *first / 4 * 5,
            _ if self.most > 0 => self.most / 4 * 5,
            _ => UNKNOWN,
        };
        let bytes = guess.min(disk / 4 * 3);
        vec![Layer { key: name.to_owned(), bytes, download: bytes / 3 }]
    }
}
