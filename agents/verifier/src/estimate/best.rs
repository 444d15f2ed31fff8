//! best@k.

use super::pass::pass_at;

/// Returns the probability that the best-rated of `k` candidates is resolved, over all subsets of `k` of them: the exact
/// expectation that the paper estimates by 100 shuffles (SWE-Gym, appendix B.1).
///
/// Candidates of an equal score share the pick evenly. One whose score is missing, or is no number, is picked only from
/// a subset without any score. An instance with fewer than `k` candidates gives what all of them give; one without
/// any gives 0. Candidates beyond the shorter of the two lists do not count.
pub fn best_at(k: usize, scores: &[Option<f64>], resolved: &[bool]) -> f64 {
    let mut ranked: Vec<(Option<f64>, bool)> =
        scores.iter().map(|score| score.filter(|score| !score.is_nan())).zip(resolved.iter().copied()).collect();
    // `None` is less than any score, so that it comes last.
    ranked.sort_by(|one, other| rank(other.0).total_cmp(&rank(one.0)).then(other.0.is_some().cmp(&one.0.is_some())));
    let candidates = ranked.len();
    let k = k.min(candidates);
    if k == 0 {
        return 0.0;
    }
    let (mut better, mut expected) = (0, 0.0);
    for tied in ranked.chunk_by(|one, other| one.0 == other.0) {
        let hits = tied.iter().filter(|(_, resolved)| *resolved).count();
        // A subset picks from these when it holds one of them, but none of the better ones.
        let picked = pass_at(k, candidates, better + tied.len()) - pass_at(k, candidates, better);
        expected += picked * hits as f64 / tied.len() as f64;
        better += tied.len();
    }
    expected
}

fn rank(score: Option<f64>) -> f64 {
    // Both zeros are one score.
    score.map_or(f64::NEG_INFINITY, |score| score + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works it out subset by subset.
    fn brute(k: usize, scores: &[Option<f64>], resolved: &[bool]) -> f64 {
        let (mut sum, mut subsets) = (0.0, 0);
        for set in (0_u32..1 << scores.len()).filter(|set| set.count_ones() as usize == k) {
            let members: Vec<usize> = (0..scores.len()).filter(|index| set >> index & 1 == 1).collect();
            let best = members.iter().filter_map(|index| scores[*index]).reduce(f64::max);
            let picked: Vec<bool> =
                members.iter().filter(|index| scores[**index] == best).map(|index| resolved[*index]).collect();
            sum += picked.iter().filter(|resolved| **resolved).count() as f64 / picked.len() as f64;
            subsets += 1;
        }
        sum / f64::from(subsets)
    }

    #[test]
    fn best_at_k_is_the_mean_over_all_subsets() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let count = random.usize(1..9);
            let mut score = || random.u8(0..6).checked_sub(1).map(|score| f64::from(score) - 2.0);
            let scores: Vec<Option<f64>> = (0..count).map(|_| score()).collect();
            let resolved: Vec<bool> = (0..count).map(|_| random.bool()).collect();
            for k in 1..=count {
                let (exact, all) = (best_at(k, &scores, &resolved), brute(k, &scores, &resolved));
                assert!((exact - all).abs() < 1e-12, "{k} {scores:?} {resolved:?}: {exact} {all}");
            }
        }
    }

    #[test]
    fn what_has_no_score_is_never_picked_before_what_has_one() {
        type Case<'a> = (usize, &'a [Option<f64>], &'a [bool], f64);
        let cases: &[Case<'_>] = &[
            (2, &[None, Some(-9.0)], &[true, false], 0.0),
            (2, &[Some(f64::NAN), Some(-9.0)], &[true, false], 0.0),
            (2, &[None, Some(f64::NEG_INFINITY)], &[true, false], 0.0),
            (1, &[None, Some(-9.0)], &[true, false], 0.5),
            (2, &[Some(0.0), Some(-0.0)], &[true, false], 0.5),
            (5, &[Some(1.0), Some(0.0)], &[true, false], 1.0),
            (3, &[], &[], 0.0),
        ];
        for (k, scores, resolved, expected) in cases {
            let exact = best_at(*k, scores, resolved);
            assert!((exact - expected).abs() < 1e-12, "{k} {scores:?}: {exact}");
        }
    }
}
