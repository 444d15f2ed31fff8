//! Scorers beside the bounds.

use super::curve::{FEW_RESAMPLES, SEED, by_instance, curve, gain, uniform};
use super::rated::{Rated, Scores};
use super::{Curve, csv, plot, png};
use crate::candidate::Labels;
use crate::estimate::{Interval, bootstrap_of};

/// Curves of scorers over one set of labelled instances, with the bounds random and first below and oracle above.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The curves: random, first, the scorers, oracle. The oracle's best@k is pass@k.
    pub curves: Vec<Curve>,
    /// What each scorer gains over random and over first.
    pub gains: Vec<Gain>,
    /// How much of the gap between random and oracle each scorer closes.
    pub closed: Vec<Closed>,
    /// How many labelled instances there are.
    pub instances: usize,
    /// How many of these have fewer than n candidates, for which min(k, candidates) counts.
    pub short: usize,
}

/// What one scorer gains over another, paired by instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// The scorer.
    pub scorer: String,
    /// What it is compared with.
    pub over: String,
    /// The difference of best@k for k from 1, with its interval of 95 %.
    pub difference: Vec<Interval>,
}

/// How much of the gap between random and oracle a scorer closes.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The scorer.
    pub scorer: String,
    /// The share for k from 1, with its interval of 95 %; `None` where there is no gap.
    pub share: Vec<Option<Interval>>,
}

impl Comparison {
    /// Compares scorers up to `n` candidates.
    pub fn new(scorers: &[Rated], labels: &Labels, n: usize) -> Self {
        let place = |labels: &Vec<bool>| (0..labels.len()).map(|place| Some(-(place as f64))).collect();
        let first: Scores = labels.iter().map(|(id, labels)| (id.clone(), place(labels))).collect();
        let verdict = |labels: &Vec<bool>| labels.iter().map(|label| Some(f64::from(u8::from(*label)))).collect();
        let oracle: Scores = labels.iter().map(|(id, labels)| (id.clone(), verdict(labels))).collect();
        let bounds = [("random", uniform(labels)), ("first", first), ("oracle", oracle)];
        let bounds = bounds.map(|(name, scores)| Rated::once(name, scores));
        let [random, first, _] = &bounds;
        let scorers: Vec<&Rated> =
            scorers.iter().filter(|one| bounds.iter().all(|bound| bound.name != one.name)).collect();
        let middle = scorers.iter().map(|scorer| curve(scorer, labels, n));
        let [below, order, above] =
            bounds.each_ref().map(|bound| Curve { auc: None, ece: None, ..curve(bound, labels, n) });
        let gains = scorers.iter().flat_map(|scorer| {
            [random, first].map(|other| Gain {
                scorer: scorer.name.clone(),
                over: other.name.clone(),
                difference: gain(scorer, other, labels, n),
            })
        });
        let closed = scorers.iter().map(|scorer| Closed {
            scorer: scorer.name.clone(),
            share: closed(scorer, [random, &bounds[2]], labels, n),
        });
        Self {
            closed: closed.collect(),
            gains: gains.collect(),
            curves: [below, order].into_iter().chain(middle).chain([above]).collect(),
            instances: labels.len(),
            short: labels.values().filter(|labels| labels.len() < n).count(),
        }
    }

    /// Returns the curves and gains as CSV, rates in per cent.
    pub fn csv(&self) -> String {
        csv::write(self)
    }

    /// Returns the curves as a plot, SVG.
    pub fn svg(&self) -> String {
        plot::svg(self)
    }

    /// Returns the same plot as PNG.
    ///
    /// # Errors
    /// When it is too large to be drawn, as with very many curves.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        png::png(&self.svg())
    }
}

/// Returns the share of the gap between two bounds that a scorer closes, for k from 1 to `n`.
fn closed(scorer: &Rated, bounds: [&Rated; 2], labels: &Labels, n: usize) -> Vec<Option<Interval>> {
    let at = |k: usize| {
        let [own, low, high] = [scorer, bounds[0], bounds[1]].map(|rated| by_instance(k, rated, labels));
        let share = |places: &[usize]| {
            let sum = |values: &[f64]| places.iter().map(|place| values[*place]).sum::<f64>();
            let gap = sum(&high) - sum(&low);
            (gap > 1e-9).then(|| (sum(&own) - sum(&low)) / gap)
        };
        bootstrap_of(labels.len(), FEW_RESAMPLES, SEED, share)
    };
    (1..=n).map(at).collect()
}
