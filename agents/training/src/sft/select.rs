//! Which of the episodes with rows are exported, and in which set.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::gather::Candidate;
use super::{Order, Settings};
use crate::counts::Counts;

/// Episodes of one set, in the order of their rows.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// What is trained on.
    pub train: Vec<Candidate>,
    /// What is only measured on; none of its repositories is in the other.
    pub validation: Vec<Candidate>,
}

/// Chooses by the cap on instances, the share and the order, and splits what is left by repository. The same candidates
/// and settings give the same choice.
pub(super) fn select(mut candidates: Vec<Candidate>, settings: &Settings, dropped: &mut Counts) -> Sets {
    if let Some(most) = settings.per_instance {
        candidates = capped(candidates, most, dropped);
    }
    let mut rng = Rng::with_seed(settings.seed);
    order(&mut candidates, settings.order, &mut rng);
    dropped.count("not in the subset", candidates.drain(kept(&candidates, settings)..).count());
    let held = (candidates.len() as f64 * settings.validation).round() as usize;
    let of: Vec<&str> = candidates.iter().map(|one| one.repository.as_str()).collect();
    let repositories = held_out(&of, held, &mut rng);
    let (validation, train) = candidates.into_iter().partition(|one| repositories.contains(&one.repository));
    Sets { train, validation }
}

/// Returns how many of the first candidates are the share that was asked for: one at least, and of the last repository all
/// where they go by repository.
fn kept(candidates: &[Candidate], settings: &Settings) -> usize {
    let share = (candidates.len() as f64 * settings.subset).round() as usize;
    let mut kept = share.max(1).min(candidates.len());
    if settings.order == Order::Repository {
        let last = candidates.get(kept.saturating_sub(1)).map(|one| &one.repository);
        kept += candidates[kept..].iter().take_while(|one| Some(&one.repository) == last).count();
    }
    kept
}

/// Keeps the episodes of the fewest model calls of each instance.
fn capped(mut candidates: Vec<Candidate>, most: usize, dropped: &mut Counts) -> Vec<Candidate> {
    candidates.sort_by_key(|one| one.calls);
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    candidates.retain(|one| {
        let taken = taken.entry(one.instance_id.clone()).or_default();
        *taken += 1;
        if *taken > most {
            dropped.count("enough of its instance", 1);
        }
        *taken <= most
    });
    candidates
}

fn order(candidates: &mut [Candidate], order: Order, rng: &mut Rng) {
    match order {
        Order::Random => rng.shuffle(candidates),
        Order::Sorted => candidates.sort_by_key(|one| one.calls),
        Order::Repository => {
            let names: BTreeSet<String> = candidates.iter().map(|one| one.repository.clone()).collect();
            let mut repositories: Vec<String> = names.into_iter().collect();
            rng.shuffle(&mut repositories);
            candidates.sort_by_cached_key(|one| repositories.iter().position(|name| *name == one.repository));
        }
    }
}

/// Draws the repositories whose episodes come nearest to `wanted`: never all, and none where that is nearer than any, as a
/// repository goes whole. `of` has the repository of each episode.
pub(crate) fn held_out(of: &[&str], wanted: usize, rng: &mut Rng) -> Vec<String> {
    let mut episodes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in of {
        *episodes.entry(name).or_default() += 1;
    }
    let mut repositories: Vec<(&str, usize)> = episodes.into_iter().collect();
    rng.shuffle(&mut repositories);
    // For each number of episodes the repository by which it was reached first, from those drawn before it.
    let mut reached: Vec<Option<usize>> = vec![None; of.len()];
    for (index, (_, size)) in repositories.iter().enumerate() {
        for sum in (*size..reached.len()).rev() {
            let before = sum - size;
            if reached[sum].is_none() && (before == 0 || reached[before].is_some_and(|last| last < index)) {
                reached[sum] = Some(index);
            }
        }
    }
    let sums = (0..reached.len()).filter(|sum| *sum == 0 || reached[*sum].is_some());
    let mut left = sums.rev().min_by_key(|sum| sum.abs_diff(wanted)).unwrap_or_default();
    let mut held = Vec::new();
    while let Some((name, size)) = reached.get(left).copied().flatten().and_then(|index| repositories.get(index)) {
        held.push((*name).to_owned());
        left -= size;
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validation_set_is_as_near_to_its_share_as_whole_repositories_allow() {
        let of: Vec<&str> = [("big", 90), ("a", 4), ("b", 3), ("c", 2), ("d", 1)]
            .into_iter()
            .flat_map(|(name, size)| vec![name; size])
            .collect();
        for seed in 0..20 {
            let held = |wanted: usize| {
                let held = held_out(&of, wanted, &mut Rng::with_seed(seed));
                of.iter().filter(|name| held.iter().any(|held| held == *name)).count()
            };
            assert_eq!([0, 1, 5, 10, 30, 92, 100].map(held), [0, 1, 5, 10, 10, 92, 99]);
        }
        let one = vec!["a"; 3];
        assert_eq!(held_out(&one, 1, &mut Rng::with_seed(1)), Vec::<String>::new());
        let two: Vec<&str> = ["a", "b"].into_iter().flat_map(|name| vec![name; 10]).collect();
        assert_eq!(held_out(&two, 1, &mut Rng::with_seed(1)), Vec::<String>::new());
        assert_eq!(held_out(&two, 6, &mut Rng::with_seed(1)).len(), 1);
    }
}
