//! Labelled candidates as training sees them.

use fastrand::Rng;

use super::features::Facts;
use crate::candidate::Candidates;
use crate::curves::seed_of;

/// What is counted of the labelled candidates of an instance; it is all that training keeps of them.
#[derive(Debug, Clone)]
pub struct Counted {
    pub(super) instance_id: String,
    pub(super) facts: Facts,
    pub(super) resolved: Vec<bool>,
    /// What is learned from.
    pub(super) sets: Vec<LearnedSet>,
}

/// A subset of the candidates as somebody would have it who has only these.
#[derive(Debug, Clone)]
pub(super) struct LearnedSet {
    /// Which candidates these are.
    pub(super) places: Vec<usize>,
    pub(super) rows: Vec<Vec<f64>>,
    pub(super) resolved: Vec<bool>,
    /// How much its rows count together.
    pub(super) weight: f64,
}

impl Counted {
    /// Counts what is known of the candidates of an instance; labels beyond the candidates do not count, and neither do
    /// candidates beyond the labels.
    pub fn new(candidates: &Candidates, resolved: &[bool]) -> Self {
        let count = resolved.len().min(candidates.candidates.len());
        let places: Vec<usize> = (0..count).collect();
        let facts = match count == candidates.candidates.len() {
            true => Facts::of(candidates),
            false => Facts::of(&candidates.of(&places)),
        };
        let mut counted = Self {
            instance_id: candidates.instance_id.clone(),
            facts,
            resolved: resolved.iter().copied().take(count).collect(),
            sets: Vec::new(),
        };
        counted.sets = counted.learned_sets();
        counted
    }

    /// Returns all candidates together, and the candidates dealt out into sets of half as many, a quarter, and so on down to
    /// pairs: a model is used with any number of candidates, and what they agree on says less the fewer they are. Each
    /// size counts the same, and all together count one a candidate.
    fn learned_sets(&self) -> Vec<LearnedSet> {
        let count = self.resolved.len();
        let mut random = Rng::with_seed(seed_of(&self.instance_id));
        let mut order: Vec<usize> = (0..count).collect();
        let sizes: Vec<usize> =
            std::iter::successors(Some(count), |size| (*size > 2).then_some(size.div_ceil(2))).collect();
        let mut sets = Vec::new();
        for size in &sizes {
            for places in order.chunks((*size).max(1)) {
                sets.push(LearnedSet {
                    places: places.to_vec(),
                    rows: self.facts.rows(places),
                    resolved: places.iter().filter_map(|place| self.resolved.get(*place).copied()).collect(),
                    weight: places.len() as f64 / sizes.len() as f64,
                });
            }
            random.shuffle(&mut order);
        }
        sets
    }
}

impl LearnedSet {
    /// Returns its rows, each with how much it counts.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (&Vec<f64>, f64)> {
        let weight = self.weight / self.rows.len().max(1) as f64;
        self.rows.iter().map(move |row| (row, weight))
    }
}
