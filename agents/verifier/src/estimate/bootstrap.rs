//! Intervals by the bootstrap over instances.

use fastrand::Rng;

/// How many resamples an interval is made from.
pub const RESAMPLES: usize = 2_000;

/// A mean over instances with its interval of 95 %.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The 2.5th percentile of the resampled means.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// Returns the mean of one value an instance, with the percentile interval of `resamples` draws of as many instances.
///
/// For the difference of two scorers, the values are the differences by instance: that is the paired interval. No values
/// give zeros.
pub fn bootstrap(values: &[f64], resamples: usize, seed: u64) -> Interval {
    if values.is_empty() {
        return Interval::default();
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let mut random = Rng::with_seed(seed);
    let mut means: Vec<f64> = (0..resamples.max(1))
        .map(|_| (0..values.len()).map(|_| values[random.usize(..values.len())]).sum::<f64>() / count)
        .collect();
    means.sort_by(f64::total_cmp);
    Interval { mean, low: quantile(&means, 0.025), high: quantile(&means, 0.975) }
}

/// Returns a figure over so many instances with its percentile interval, for what is no mean over them: `figure` is given the
/// places of the instances, with repetition. `None` where there is no figure over all; resamples without one do not count.
pub fn bootstrap_of(
    instances: usize,
    resamples: usize,
    seed: u64,
    figure: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let mean = figure(&(0..instances).collect::<Vec<_>>())?;
    let mut random = Rng::with_seed(seed);
    let draw = |_| figure(&(0..instances).map(|_| random.usize(..instances)).collect::<Vec<_>>());
    let mut figures: Vec<f64> = (0..resamples).filter_map(draw).collect();
    if figures.is_empty() {
        return Some(Interval { mean, low: mean, high: mean });
    }
    figures.sort_by(f64::total_cmp);
    Some(Interval { mean, low: quantile(&figures, 0.025), high: quantile(&figures, 0.975) })
}

/// Returns a quantile of sorted values, interpolated between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_interval() {
        let values = [0.0, 1.0, 0.5, 0.25];
        assert_eq!(bootstrap(&values, 100, 1), bootstrap(&values, 100, 1));
        assert_eq!(bootstrap(&[], 100, 1), Interval::default());
        assert_eq!(bootstrap(&[0.5; 7], 100, 1), Interval { mean: 0.5, low: 0.5, high: 0.5 });
    }
}
