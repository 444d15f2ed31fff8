//! best@k as the paper estimates it.

use fastrand::Rng;

/// How many random subsets the paper takes (SWE-Gym, appendix B.1).
pub const SHUFFLES: usize = 100;

/// Mean and standard deviation over shuffles, shares from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shuffled {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the population.
    pub deviation: f64,
}

/// Returns best@k over instances by shuffling their candidates so many times and taking the first `k` of each, as the
/// paper's notebook does: of equal scores the one that comes first in the shuffled order is picked.
///
/// `instances` holds scores and labels. Only for comparison: `best_at` is what this approaches.
pub fn best_by_shuffles(k: usize, instances: &[(&[Option<f64>], &[bool])], shuffles: usize, seed: u64) -> Shuffled {
    let mut random = Rng::with_seed(seed);
    let rates: Vec<f64> = (0..shuffles)
        .map(|_| {
            let hits = instances.iter().filter(|(scores, resolved)| picks_resolved(k, scores, resolved, &mut random));
            hits.count() as f64 / instances.len().max(1) as f64
        })
        .collect();
    let count = rates.len().max(1) as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / count;
    Shuffled { mean, deviation: variance.sqrt() }
}

fn picks_resolved(k: usize, scores: &[Option<f64>], resolved: &[bool], random: &mut Rng) -> bool {
    let mut order: Vec<usize> = (0..scores.len().min(resolved.len())).collect();
    random.shuffle(&mut order);
    let mut best: Option<usize> = None;
    for index in order.into_iter().take(k) {
        if best.is_none_or(|best| scores[index] > scores[best]) {
            best = Some(index);
        }
    }
    best.is_some_and(|best| resolved[best])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::best_at;

    #[test]
    fn shuffles_approach_the_exact_expectation() {
        let mut random = Rng::with_seed(5);
        let frames: Vec<(Vec<Option<f64>>, Vec<bool>)> = (0..60)
            .map(|_| {
                let scores = (0..8).map(|_| Some(f64::from(random.u8(0..5)))).collect();
                (scores, (0..8).map(|_| random.u8(0..4) == 0).collect())
            })
            .collect();
        let frames: Vec<(&[Option<f64>], &[bool])> =
            frames.iter().map(|(scores, resolved)| (scores.as_slice(), resolved.as_slice())).collect();
        for k in [1, 3, 8] {
            let exact = frames.iter().map(|(scores, resolved)| best_at(k, scores, resolved)).sum::<f64>() / 60.0;
            let shuffled = best_by_shuffles(k, &frames, 2_000, 1);
            assert!((shuffled.mean - exact).abs() < 0.01, "{k}: {shuffled:?} {exact}");
            assert_eq!(shuffled, best_by_shuffles(k, &frames, 2_000, 1));
        }
    }
}
