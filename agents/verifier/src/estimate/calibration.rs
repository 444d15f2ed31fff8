//! How well scores tell resolved candidates from others, and how true they are as probabilities.

/// Returns the probability that a resolved candidate has a higher score than one that is not, ties counting half: the
/// area under the ROC curve. `None` where there are not both kinds.
///
/// Pairs without a score, or with NaN, do not count; whoever shows the figure says how many those are.
pub fn auc(scored: &[(f64, bool)]) -> Option<f64> {
    let mut scored: Vec<(f64, bool)> = scored.iter().copied().filter(|(score, _)| !score.is_nan()).collect();
    scored.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut below, mut wins, mut hits) = (0, 0.0, 0);
    for tied in scored.chunk_by(|one, other| one.0 == other.0) {
        let resolved = tied.iter().filter(|(_, resolved)| *resolved).count();
        let others = tied.len() - resolved;
        wins += resolved as f64 * (below as f64 + others as f64 / 2.0);
        below += others;
        hits += resolved;
    }
    (hits > 0 && below > 0).then(|| wins / (hits as f64 * below as f64))
}

/// Returns the expected calibration error over 10 bins of equal width: the mean distance between what the scores of a
/// bin say and the share that is resolved, weighted by the bins' sizes (Guo et al. 2017). `None` where there is no
/// score, or where one is no probability.
pub fn expected_calibration_error(scored: &[(f64, bool)]) -> Option<f64> {
    if scored.is_empty() || scored.iter().any(|(score, _)| !(0.0..=1.0).contains(score)) {
        return None;
    }
    let mut bins = [(0.0, 0.0); 10];
    for (score, resolved) in scored {
        let bin = &mut bins[((score * 10.0) as usize).min(9)];
        bin.0 += score;
        bin.1 += f64::from(u8::from(*resolved));
    }
    Some(bins.iter().map(|(said, came)| (said - came).abs()).sum::<f64>() / scored.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs_and_halves_ties() {
        type Case<'a> = (&'a [(f64, bool)], Option<f64>);
        let cases: &[Case<'_>] = &[
            (&[(0.9, true), (0.1, false)], Some(1.0)),
            (&[(0.1, true), (0.9, false)], Some(0.0)),
            (&[(0.5, true), (0.5, false)], Some(0.5)),
            (&[(0.9, true), (0.5, true), (0.5, false), (0.1, false)], Some(0.875)),
            (&[(0.9, true)], None),
            (&[], None),
        ];
        for (scored, expected) in cases {
            assert_eq!(auc(scored), *expected, "{scored:?}");
        }
    }

    #[test]
    fn calibration_compares_what_is_said_with_what_came() {
        let right: Vec<(f64, bool)> = (0..10).map(|index| (0.3, index < 3)).collect();
        assert!(expected_calibration_error(&right).unwrap() < 1e-12);
        let wrong: Vec<(f64, bool)> = (0..10).map(|index| (1.0, index < 3)).collect();
        assert!((expected_calibration_error(&wrong).unwrap() - 0.7).abs() < 1e-12);
        assert_eq!([expected_calibration_error(&[(1.5, true)]), expected_calibration_error(&[])], [None, None]);
    }
}
