//! pass@k.

use journal::pass_at_k;

/// Returns the probability that at least one of `k` candidates is resolved that are drawn without replacement from
/// `candidates`, `resolved` of which are: `1 - C(n - c, k) / C(n, k)`, the unbiased estimator (Chen et al. 2021,
/// section 2.1).
///
/// An instance with fewer than `k` candidates gives what all of them give; one without any gives 0.
pub fn pass_at(k: usize, candidates: usize, resolved: usize) -> f64 {
    let k = k.min(candidates);
    pass_at_k(candidates as u64, resolved.min(candidates) as u64, k as u64).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pass_at_k_is_the_share_of_all_subsets_with_a_resolved_candidate() {
        for candidates in 1..=9_usize {
            for resolved in 0..=candidates {
                for k in 1..=candidates {
                    let subsets = (0_u32..1 << candidates).filter(|set| set.count_ones() as usize == k);
                    let hits = subsets.clone().filter(|set| set & ((1 << resolved) - 1) != 0).count();
                    let share = hits as f64 / subsets.count() as f64;
                    let estimate = pass_at(k, candidates, resolved);
                    assert!((estimate - share).abs() < 1e-12, "{candidates} {resolved} {k}: {estimate} {share}");
                }
            }
        }
    }

    #[test]
    fn fewer_candidates_than_k_are_taken_as_they_are() {
        assert_eq!([pass_at(8, 3, 1), pass_at(8, 3, 0), pass_at(8, 0, 0)], [1.0, 0.0, 0.0]);
    }
}
