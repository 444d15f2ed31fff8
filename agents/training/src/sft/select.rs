//! Which of the episodes with rows are exported, and in which set.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::gather::{Candidate, Dropped, count};
use super::{Order, Settings};

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
pub(super) fn select(mut candidates: Vec<Candidate>, settings: &Settings, dropped: &mut Dropped) -> Sets {
    if let Some(most) = settings.per_instance {
        candidates = capped(candidates, most, dropped);
    }
    let mut rng = Rng::with_seed(settings.seed);
    order(&mut candidates, settings.order, &mut rng);
    for _ in candidates.drain(kept(&candidates, settings)..) {
        count(dropped, "not in the subset");
    }
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
fn capped(mut candidates: Vec<Candidate>, most: usize, dropped: &mut Dropped) -> Vec<Candidate> {
    candidates.sort_by_key(|one| one.calls);
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    candidates.retain(|one| {
        let taken = taken.entry(one.episode.instance_id.clone()).or_default();
        *taken += 1;
        if *taken > most {
            count(dropped, "enough of its instance");
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
            let mut repositories = repositories(candidates);
            rng.shuffle(&mut repositories);
            candidates.sort_by_cached_key(|one| repositories.iter().position(|name| *name == one.repository));
        }
    }
}

fn repositories(candidates: &[Candidate]) -> Vec<String> {
    let mut names: Vec<String> = candidates.iter().map(|one| one.repository.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Draws repositories until they have `wanted` episodes, but never all; `of` has the repository of each episode.
pub(crate) fn held_out(of: &[&str], wanted: usize, rng: &mut Rng) -> Vec<String> {
    let mut names = of.to_vec();
    names.sort_unstable();
    names.dedup();
    rng.shuffle(&mut names);
    let (mut held, mut episodes) = (Vec::new(), 0);
    for name in names.iter().skip(1) {
        if episodes >= wanted {
            break;
        }
        episodes += of.iter().filter(|one| *one == name).count();
        held.push((*name).to_owned());
    }
    held
}
