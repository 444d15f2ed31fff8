//! Statistics of shares and pairs.

/// From so many discordant pairs on, McNemar's test goes by the chi-squared distribution.
const MANY: u64 = 25;

/// Returns the chance that one of `k` results, drawn without putting back from `n` of which `solved` are solved, is solved:
/// the unbiased estimator of pass@k. `None` with fewer than `k` results.
pub fn pass_at_k(n: u64, solved: u64, k: u64) -> Option<f64> {
    if k == 0 || n < k || solved > n {
        return None;
    }
    if n - solved < k {
        return Some(1.0);
    }
    // C(n - solved, k) / C(n, k), factor by factor, so that nothing grows large.
    Some(1.0 - (n - solved + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>())
}

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
pub fn exact(won: u64, lost: u64) -> f64 {
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
