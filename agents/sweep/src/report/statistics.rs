//! Statistics of shares and pairs.

/// From so many discordant pairs on, McNemar's test goes by the chi-squared distribution.
const MANY: u64 = 25;

/// Returns the standard deviation of the share of solved ones in half-size samples drawn without putting back. It is what
/// drawing 1,000 of them comes to, worked out rather than drawn. `None` with fewer than two results.
pub fn half_sample_deviation(n: u64, solved: u64) -> Option<f64> {
    if n < 2 || solved > n {
        return None;
    }
    let (all, half, share) = (n as f64, (n / 2) as f64, solved as f64 / n as f64);
    Some((share * (1.0 - share) / half * (all - half) / (all - 1.0)).sqrt())
}

/// Returns the two-sided p of McNemar's test for so many pairs won and lost: exact below 25 of them, else by the
/// chi-squared distribution with a correction for continuity.
pub fn mcnemar(won: u64, lost: u64) -> f64 {
    let discordant = won + lost;
    if discordant < MANY {
        return exact(won, lost);
    }
    // (|won - lost| - 1)² is not negative where the two are equal, but nothing is left to correct then.
    let apart = (won.abs_diff(lost) as f64 - 1.0).max(0.0);
    let chi_squared = apart * apart / discordant as f64;
    // The upper tail with one degree of freedom.
    libm::erfc((chi_squared / 2.0).sqrt())
}

/// Returns the two-sided p of as uneven a split as this one where both sides are as likely.
fn exact(won: u64, lost: u64) -> f64 {
    let (n, fewer) = (won + lost, won.min(lost));
    // C(n, i) / 2^n from one to the next.
    let mut term = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut tail = term;
    for i in 0..fewer {
        term *= (n - i) as f64 / (i + 1) as f64;
        tail += term;
    }
    (2.0 * tail).min(1.0)
}

/// Returns whether McNemar's test is exact for so many discordant pairs.
pub(super) fn is_exact(discordant: u64) -> bool {
    discordant < MANY
}

/// Returns the mean of some shares and its standard error; `None` where there are none, or no more than one for the error.
pub(super) fn mean(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Some((mean, (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, what: &str) {
        let apart = (found - expected).abs() / expected.abs().max(1e-300);
        assert!(apart < 1e-9 || (found - expected).abs() < 1e-15, "{what}: {found} instead of {expected}");
    }

    /// Expected values by `statsmodels.stats.contingency_tables.mcnemar` 0.14 with `correction=True`, exact below 25
    /// discordant pairs. Where as many are won as lost, R's `mcnemar.test` corrects nothing, and neither is it here.
    #[test]
    fn mcnemars_p_is_that_of_others() {
        for (won, lost, expected) in [
            (0, 0, 1.0),
            (1, 0, 1.0),
            (10, 2, 0.03857421875),
            (2, 10, 0.03857421875),
            (12, 12, 1.0),
            (5, 19, 0.006_610_751_152_038_574),
            (24, 0, 1.192_092_895_507_812_5e-7),
            (25, 0, 1.586_656_303_951_188_5e-6),
            (13, 12, 1.0),
            (15, 10, 0.423_710_797_166_793_6),
            (20, 5, 0.005_110_260_660_855_866),
            (86, 150, 4.114_562_281_345_944e-5),
            (40, 40, 1.0),
            (300, 200, 9.536_931_399_898_51e-6),
        ] {
            near(mcnemar(won, lost), expected, &format!("{won} won, {lost} lost"));
        }
        assert!(mcnemar(u64::from(u32::MAX), 0) < 1e-300);
    }

    /// Drawing 20,000 half-size samples in Python comes within 1% of these.
    #[test]
    fn the_deviation_is_that_of_half_size_samples() {
        for (n, solved, drawn) in [(431, 103, 0.02047), (10, 3, 0.15306), (3, 1, 0.47277), (219, 9, 0.01348)] {
            let found = half_sample_deviation(n, solved).unwrap();
            assert!((found / drawn - 1.0).abs() < 0.01, "{solved} of {n}: {found} instead of {drawn}");
        }
        assert_eq!([half_sample_deviation(1, 1), half_sample_deviation(0, 0)], [None; 2]);
    }

    /// The paper's Table 3: instances, empty patches and resolved ones in percent, and the deviation that it gives.
    #[test]
    fn the_deviation_is_that_of_the_paper() {
        for (instances, empty, resolved, expected) in [
            (300.0, 40.3, 1.0, 1.0),
            (300.0, 29.7, 10.0, 2.4),
            (300.0, 49.7, 2.7, 1.9),
            (300.0, 18.1, 12.7, 2.3),
            (300.0, 27.0, 3.0, 1.4),
            (300.0, 18.1, 15.3, 2.5),
            (500.0, 45.8, 1.8, 1.1),
            (500.0, 33.8, 10.6, 2.1),
            (500.0, 44.9, 4.0, 1.6),
            (500.0, 14.5, 16.4, 2.0),
            (500.0, 9.5, 7.0, 1.3),
            (500.0, 13.8, 20.6, 2.1),
        ] {
            let count = |percent: f64| (instances * percent / 100.0_f64).round() as u64;
            let found = half_sample_deviation(count(100.0 - empty), count(resolved)).unwrap() * 100.0;
            assert!((found - expected).abs() < 0.11, "{resolved} of {instances}: {found} instead of {expected}");
        }
    }

    #[test]
    fn the_standard_error_is_that_of_a_mean() {
        // 0.1, 0.2, 0.4: variance 0.0233…, over 3.
        let (found, error) = mean(&[0.1, 0.2, 0.4]).unwrap();
        near(found, 0.233_333_333_333_333_33, "mean");
        near(error.unwrap(), 0.088_191_710_368_819_69, "error");
        assert_eq!((mean(&[0.5]), mean(&[])), (Some((0.5, None)), None));
    }
}
