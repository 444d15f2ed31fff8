//! What several samples of each instance say together.

use std::collections::BTreeMap;

use journal::{Ending, pass_at_k};
use serde::Serialize;

use super::facts::Fact;
use super::figures::Share;
use super::statistics::mean;

/// What several samples of each instance say together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Samples {
    /// Samples that were asked for.
    pub samples: usize,
    /// Instances that were asked for.
    pub instances: usize,
    /// The mean of the resolve rates of the samples.
    pub mean: Option<SampleMean>,
    /// The chance that one of `k` samples is solved.
    pub pass_at: Vec<PassAtK>,
    /// Instances of which any sample is solved, of those asked for.
    pub best_known: Option<Share>,
}

/// The mean of the resolve rates of samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleMean {
    /// The mean of the samples' rates, each of what was asked for in it.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// The samples that it is of: those with any result.
    pub of: usize,
}

/// Pass@k by the unbiased estimator, as the mean over instances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PassAtK {
    /// How many samples are drawn.
    pub k: u64,
    /// The mean over instances.
    pub value: f64,
    /// The instances that it is of: those with at least `k` results.
    pub of: usize,
}

impl Samples {
    /// Works out what samples say together; `None` where there is only one. Where samples were left (`is_cut`), as many are
    /// drawn at most as any instance has results: those with more of them are the ones that are hard to solve.
    pub fn new<'a>(facts: impl IntoIterator<Item = &'a Fact>, is_cut: bool) -> Option<Self> {
        let mut by_sample: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut by_instance: BTreeMap<&str, Counts> = BTreeMap::new();
        for fact in facts {
            by_sample.entry(fact.sample).or_default().add(fact.ending);
            by_instance.entry(&fact.instance_id).or_default().add(fact.ending);
        }
        if by_sample.len() < 2 {
            return None;
        }
        let rates = by_sample.values().filter(|counts| counts.judged > 0);
        let rates: Vec<f64> = rates.map(|counts| counts.solved as f64 / counts.asked as f64).collect();
        let most = by_instance.values().map(|counts| counts.judged).max().unwrap_or_default();
        let least = by_instance.values().map(|counts| counts.judged).filter(|judged| *judged > 0).min();
        let drawn = if is_cut { least.unwrap_or_default() } else { most };
        let any = by_instance.values().filter(|counts| counts.solved > 0).count();
        Some(Self {
            samples: by_sample.len(),
            instances: by_instance.len(),
            mean: mean(&rates).map(|(mean, standard_error)| SampleMean { mean, standard_error, of: rates.len() }),
            pass_at: ks(drawn).into_iter().filter_map(|k| pass_at(by_instance.values(), k)).collect(),
            best_known: Share::new(any, by_instance.len()).filter(|_| most > 0),
        })
    }
}

/// How many episodes came to what.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    asked: u64,
    judged: u64,
    solved: u64,
}

impl Counts {
    fn add(&mut self, ending: Ending) {
        self.asked += 1;
        self.judged += u64::from(ending.is_judged());
        self.solved += u64::from(ending == Ending::Solved);
    }
}

/// Returns the numbers of samples that are told of: powers of two, and all there are.
fn ks(most: u64) -> Vec<u64> {
    let mut ks: Vec<u64> = (0..u64::BITS).map(|power| 1 << power).take_while(|k| *k < most).collect();
    ks.extend((most > 0).then_some(most));
    ks
}

fn pass_at<'a>(instances: impl Iterator<Item = &'a Counts>, k: u64) -> Option<PassAtK> {
    let values = instances.filter_map(|counts| pass_at_k(counts.judged, counts.solved, k));
    let (sum, of) = values.fold((0.0, 0), |(sum, of), value| (sum + value, of + 1));
    (of > 0).then(|| PassAtK { k, value: sum / of as f64, of })
}
