//! The curve of one scorer.

use super::rated::{Picked, Rated, Scores};
use crate::candidate::Labels;
use crate::estimate::{Interval, LogFit, RESAMPLES, auc, bootstrap, bootstrap_of, expected_calibration_error, fit_log};

/// Seed of the resamples; one for all, so that curves are compared over the same instances.
pub(super) const SEED: u64 = 42;

/// Resamples of what is worked out anew for each.
pub(super) const FEW_RESAMPLES: usize = 300;

/// What a scorer is worth over the labelled instances. Rates are shares of all of these, from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The scorer.
    pub name: String,
    /// best@k for k from 1, with intervals of 95 % over instances.
    pub best: Vec<Interval>,
    /// For k from 1, the standard deviation over shuffles where subsets were drawn; `None` where best@k is over all.
    pub deviation: Vec<Option<f64>>,
    /// The fit of best@k in per cent over k; `None` for fewer than two points.
    pub fit: Option<LogFit>,
    /// Area under the ROC curve over all candidates; `None` where there are not both kinds.
    pub auc: Option<Interval>,
    /// Expected calibration error; `None` where scores are no probabilities.
    pub ece: Option<Interval>,
    /// How many candidates have a score.
    pub rated: usize,
    /// Of how many labelled candidates.
    pub candidates: usize,
}

/// Returns the curve of a scorer up to `n`. A candidate without a score counts as missing; instances without labels do not
/// count.
pub(super) fn curve(rated: &Rated, labels: &Labels, n: usize) -> Curve {
    let of = |(id, resolved): (&String, &Vec<bool>)| -> Vec<(f64, bool)> {
        let scores = rated.scores_of(id, resolved.len()).into_iter().zip(resolved);
        scores.filter_map(|(score, resolved)| Some((score?, *resolved))).collect()
    };
    let scored: Vec<Vec<(f64, bool)>> = labels.iter().map(of).collect();
    let over = |figure: fn(&[(f64, bool)]) -> Option<f64>| {
        let of =
            |places: &[usize]| figure(&places.iter().flat_map(|place| &scored[*place]).copied().collect::<Vec<_>>());
        bootstrap_of(scored.len(), FEW_RESAMPLES, SEED, of)
    };
    let best: Vec<Interval> = (1..=n).map(|k| bootstrap(&by_instance(k, rated, labels), RESAMPLES, SEED)).collect();
    let points: Vec<(f64, f64)> = (1..=n).zip(&best).map(|(k, point)| (k as f64, point.mean * 100.0)).collect();
    Curve {
        name: rated.name.clone(),
        fit: fit_log(&points),
        best,
        deviation: (1..=n).map(|k| deviation(k, rated, labels)).collect(),
        auc: over(auc),
        ece: over(expected_calibration_error),
        rated: scored.iter().map(Vec::len).sum(),
        candidates: labels.values().map(Vec::len).sum(),
    }
}

/// Returns how much more of the instances one scorer resolves than another, for k from 1 to `n`, with the paired interval.
pub(super) fn gain(one: &Rated, other: &Rated, labels: &Labels, n: usize) -> Vec<Interval> {
    let at = |k: usize| {
        let (one, other) = (by_instance(k, one, labels), by_instance(k, other, labels));
        let differences: Vec<f64> = one.iter().zip(other).map(|(one, other)| one - other).collect();
        bootstrap(&differences, RESAMPLES, SEED)
    };
    (1..=n).map(at).collect()
}

/// Returns one score for all: what picks at random, taken over all picks.
pub(super) fn uniform(labels: &Labels) -> Scores {
    labels.iter().map(|(id, resolved)| (id.clone(), vec![Some(0.0); resolved.len()])).collect()
}

/// Returns the standard deviation of best@k over the shuffles; `None` where no subset was drawn.
fn deviation(k: usize, rated: &Rated, labels: &Labels) -> Option<f64> {
    let picked: Vec<&Picked> = labels.keys().filter_map(|id| rated.picked_of(k, id)).collect();
    let shuffles = picked.iter().map(|one| one.drawn.len()).max().filter(|count| *count > 0)?;
    let instances = labels.len() as f64;
    let at = |shuffle: usize| picked.iter().map(|one| one.drawn.get(shuffle).unwrap_or(&one.mean)).sum::<f64>();
    let sums: Vec<f64> = (0..shuffles).map(at).collect();
    let mean = sums.iter().sum::<f64>() / shuffles as f64;
    let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / shuffles as f64;
    Some(variance.sqrt() / instances)
}

pub(super) fn by_instance(k: usize, rated: &Rated, labels: &Labels) -> Vec<f64> {
    labels.iter().map(|(id, resolved)| rated.best(k, id, resolved)).collect()
}
