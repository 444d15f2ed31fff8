//! The subsets of k candidates that best@k is taken over.

use fastrand::Rng;

/// How many random subsets the paper takes (SWE-Gym, appendix B.1).
pub const SHUFFLES: usize = 100;

/// Up to so many subsets all of them are taken; of more, as many as the paper shuffles. All subsets of 12 candidates are
/// below this for every k.
pub const EXACT: usize = 1_000;

/// Subsets of the candidates of an instance, as places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subsets {
    /// The subsets, each in the order of the candidates.
    pub places: Vec<Vec<usize>>,
    /// Whether these are all there are; else they are drawn, one for each shuffle.
    pub are_all: bool,
}

/// Returns all subsets of `k` of so many candidates where these are at most [`EXACT`], else [`SHUFFLES`] that are drawn
/// by `seed`. With fewer than `k` candidates, the subset is all of them.
pub fn subsets(k: usize, candidates: usize, seed: u64) -> Subsets {
    let k = k.min(candidates);
    if count(k, candidates).is_some_and(|count| count <= EXACT) {
        return Subsets { places: all(k, candidates), are_all: true };
    }
    // Another k draws other subsets.
    let mut random = Rng::with_seed(seed.wrapping_add((k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let draw = |_| {
        let mut places = random.choose_multiple(0..candidates, k);
        places.sort_unstable();
        places
    };
    Subsets { places: (0..SHUFFLES).map(draw).collect(), are_all: false }
}

/// Returns the number of subsets; `None` where it is far beyond what is gone through.
fn count(k: usize, candidates: usize) -> Option<usize> {
    let k = k.min(candidates - k);
    (0..k).try_fold(1_usize, |count, drawn| {
        let next = count.checked_mul(candidates - drawn)? / (drawn + 1);
        (next <= 1 << 32).then_some(next)
    })
}

/// Returns all subsets in the order of their places.
fn all(k: usize, candidates: usize) -> Vec<Vec<usize>> {
    let mut subsets = Vec::new();
    let mut places: Vec<usize> = (0..k).collect();
    loop {
        subsets.push(places.clone());
        // The last place that can still move on moves on, and those behind it follow.
        let Some(at) = (0..k).rev().find(|at| places[*at] + k - at < candidates) else { return subsets };
        let next = places[at] + 1;
        places.iter_mut().skip(at).zip(next..).for_each(|(place, next)| *place = next);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn few_subsets_are_all_taken_and_of_many_some_are_drawn() {
        for (k, candidates, expected) in [(0, 0, 1), (1, 1, 1), (2, 4, 6), (4, 4, 1), (9, 4, 1), (6, 12, 924)] {
            let subsets = subsets(k, candidates, 1);
            assert!(subsets.are_all && subsets.places.len() == expected, "{k} of {candidates}: {subsets:?}");
            let distinct: BTreeSet<&Vec<usize>> = subsets.places.iter().collect();
            assert_eq!(distinct.len(), expected, "{k} of {candidates}");
        }
        let drawn = subsets(8, 16, 1);
        assert_eq!((drawn.are_all, drawn.places.len()), (false, SHUFFLES));
        for places in &drawn.places {
            assert!(places.len() == 8 && places.is_sorted_by(|one, other| one < other) && places[7] < 16, "{places:?}");
        }
        assert_eq!(drawn, subsets(8, 16, 1));
        assert_ne!(drawn, subsets(8, 16, 2));
        assert!(!subsets(500, 1_000, 1).are_all);
    }
}
