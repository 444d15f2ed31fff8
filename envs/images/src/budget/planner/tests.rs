//! The planner over many made-up worlds, each played to its end.

use fastrand::Rng;

use super::*;
use crate::budget::order::order;

fn layer(key: &str, bytes: u64) -> Layer {
    Layer { key: key.to_owned(), bytes, download: 0 }
}

fn needed(name: &str, layers: &[(&str, u64)]) -> Needed {
    Needed { name: name.to_owned(), layers: layers.iter().map(|(key, bytes)| layer(key, *bytes)).collect() }
}

fn stored(needed: Needed, used: u64) -> Stored {
    Stored { name: needed.name, layers: needed.layers, is_coming: false, is_held: false, used }
}

fn view(budget: u64) -> View {
    View { budget, pulls: 2, ..View::default() }
}

#[test]
fn what_no_work_needs_goes_first_and_the_least_recently_used_of_it() {
    let new = needed("new", &[("base", 10), ("n", 10)]);
    let old = |name: &str, used| stored(needed(name, &[("base", 10), (name, 10)]), used);
    let mut view = view(40);
    view.stored = vec![old("a", 3), old("b", 2), old("c", 1)];
    view.waiting = vec![new];
    view.later = vec![needed("c", &[("base", 10), ("c", 10)])];
    assert_eq!(next(&view), Step::Remove("b".to_owned()));
    view.stored.remove(1);
    assert_eq!(next(&view), Step::Pull("new".to_owned()));
    // Of what is needed, that which is needed last goes; what is held never does.
    view.budget = 30;
    view.later.insert(0, needed("a", &[("base", 10), ("a", 10)]));
    assert_eq!(next(&view), Step::Remove("c".to_owned()));
    view.stored[1].is_held = true;
    assert_eq!(next(&view), Step::Remove("a".to_owned()));
    view.stored[0].is_held = true;
    assert_eq!(next(&view), Step::Nothing);
    view.budget = 15;
    view.stored.clear();
    assert_eq!(next(&view), Step::TooLarge("new".to_owned(), 20));
    // What others have of it costs nothing.
    view.free.insert("base".to_owned());
    assert_eq!(next(&view), Step::Pull("new".to_owned()));
}

#[test]
fn nothing_that_is_needed_makes_room_for_what_is_needed_later() {
    let mut view = view(20);
    view.stored = vec![stored(needed("a", &[("a", 10)]), 1), stored(needed("b", &[("b", 10)]), 2)];
    view.later = vec![needed("a", &[("a", 10)]), needed("b", &[("b", 10)]), needed("c", &[("c", 10)])];
    assert_eq!(next(&view), Step::Nothing);
    view.later.remove(0);
    assert_eq!(next(&view), Step::Remove("a".to_owned()));
}

/// A world of images in a tree of layers, in which work runs.
struct World {
    random: Rng,
    view: View,
    images: Vec<Needed>,
    /// Items that are still to come, by image.
    queue: Vec<usize>,
    running: Vec<usize>,
    waiting: Vec<usize>,
    pulls: HashMap<String, usize>,
    refused: HashSet<usize>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let (repos, versions) = (random.u64(1..5), random.u64(1..4));
        let mut images = Vec::new();
        for number in 0..random.u64(1..40) {
            let (repo, version) = (random.u64(0..repos), random.u64(0..versions));
            let mut layers = vec![layer("base", 30), layer(&format!("{repo}"), 20 + repo)];
            layers.push(layer(&format!("{repo}.{version}"), 10));
            // One in twenty is larger than any budget.
            let own = if random.u64(0..20) == 0 { 1000 } else { random.u64(5..15) };
            layers.push(layer(&format!("own {number}"), own));
            for one in &mut layers {
                one.download = one.bytes / 3;
            }
            images.push(Needed { name: format!("i{number}"), layers });
        }
        let budget = random.u64(140..260);
        let paths: Vec<Vec<String>> =
            images.iter().map(|image| image.layers.iter().map(|layer| layer.key.clone()).collect()).collect();
        let samples = random.usize(1..4);
        let queue = order(&paths).into_iter().flat_map(|image| vec![image; samples]).collect();
        let view = View { budget, pulls: 2, ..View::default() };
        let (running, waiting, pulls, refused) = Default::default();
        Self { random, view, images, queue, running, waiting, pulls, refused }
    }

    fn stored(&mut self, name: &str) -> Option<&mut Stored> {
        self.view.stored.iter_mut().find(|stored| stored.name == name)
    }

    /// Returns what is on the disk, with what is being downloaded.
    fn taken(&self) -> u64 {
        let mut layers: HashMap<&str, u64> = HashMap::new();
        for image in &self.view.stored {
            for layer in &image.layers {
                let bytes = layer.bytes + if image.is_coming { layer.download } else { 0 };
                let known = layers.entry(&layer.key).or_insert(bytes);
                *known = if image.is_coming { *known } else { layer.bytes };
            }
        }
        layers.values().sum()
    }

    fn look(&mut self) {
        let missing: Vec<usize> = std::mem::take(&mut self.waiting);
        for image in missing {
            let name = self.images[image].name.clone();
            match self.stored(&name) {
                Some(stored) if !stored.is_coming => self.running.push(image),
                _ => self.waiting.push(image),
            }
        }
        let running: HashSet<String> = self.running.iter().map(|image| self.images[*image].name.clone()).collect();
        self.view.stored.iter_mut().for_each(|stored| stored.is_held = running.contains(&stored.name));
        let mut seen = HashSet::new();
        self.view.waiting =
            self.waiting.iter().filter(|image| seen.insert(**image)).map(|image| self.images[*image].clone()).collect();
        let later: Vec<usize> = self.running.iter().chain(&self.queue).copied().collect();
        self.view.later = later
            .into_iter()
            .filter(|image| !self.refused.contains(image) && seen.insert(*image))
            .map(|image| self.images[image].clone())
            .collect();
    }

    fn act(&mut self, seed: u64) {
        loop {
            self.look();
            match next(&self.view) {
                Step::Pull(name) => {
                    let image = self.images.iter().find(|image| image.name == name).unwrap();
                    let here: HashSet<&str> = self
                        .view
                        .stored
                        .iter()
                        .flat_map(|stored| &stored.layers)
                        .map(|layer| layer.key.as_str())
                        .collect();
                    for layer in image.layers.iter().filter(|layer| !here.contains(layer.key.as_str())) {
                        *self.pulls.entry(layer.key.clone()).or_default() += 1;
                    }
                    let coming = Stored { is_coming: true, ..stored(image.clone(), 0) };
                    self.view.stored.push(coming);
                    assert!(self.taken() <= self.view.budget, "seed {seed}: {} taken", self.taken());
                }
                Step::Remove(name) => {
                    let gone = self.stored(&name).unwrap().clone();
                    assert!(!gone.is_held && !gone.is_coming, "seed {seed}: {name} is in use");
                    self.view.stored.retain(|stored| stored.name != name);
                }
                Step::TooLarge(name, bytes) => {
                    assert!(bytes > self.view.budget, "seed {seed}");
                    let image = self.images.iter().position(|image| image.name == name).unwrap();
                    self.waiting.retain(|waiting| *waiting != image);
                    self.refused.insert(image);
                }
                Step::Nothing => return,
            }
        }
    }
}

#[test]
fn every_world_comes_to_its_end_within_its_budget_and_pulls_hardly_anything_twice() {
    for seed in 0..400 {
        let mut world = World::new(seed);
        let (workers, mut clock) = (world.random.usize(1..5), 0);
        while !(world.queue.is_empty() && world.running.is_empty() && world.waiting.is_empty()) {
            clock += 1;
            while world.running.len() + world.waiting.len() < workers && !world.queue.is_empty() {
                let image = world.queue.remove(0);
                world.waiting.push(image);
            }
            world.act(seed);
            let coming: Vec<String> =
                world.view.stored.iter().filter(|stored| stored.is_coming).map(|stored| stored.name.clone()).collect();
            let idle = world.running.is_empty() && coming.is_empty();
            assert!(!idle || world.waiting.is_empty(), "seed {seed}: nothing goes on, and {:?} wait", world.waiting);
            // Something ends: a pull, or the work in an image.
            if !coming.is_empty() && (world.running.is_empty() || world.random.bool()) {
                let name = coming[world.random.usize(0..coming.len())].clone();
                let stored = world.stored(&name).unwrap();
                (stored.is_coming, stored.used) = (false, clock);
            } else if !world.running.is_empty() {
                let place = world.random.usize(0..world.running.len());
                let image = world.running.remove(place);
                let name = world.images[image].name.clone();
                world.stored(&name).unwrap().used = clock;
            }
        }
        let often = world.pulls.iter().filter(|(_, pulls)| **pulls > 2).collect::<Vec<_>>();
        assert!(often.is_empty(), "seed {seed}: {often:?}");
    }
}
