//! Which of the judged episodes are exported, and in which set.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::Settings;
use super::gather::Candidate;
use crate::counts::Counts;
use crate::sft::held_out;

/// Splits episodes into those that are trained on and those that are only measured on, of which no repository is in both,
/// and balances each. The same candidates and settings give the same choice.
pub(super) fn sets(
    mut candidates: Vec<Candidate>,
    settings: &Settings,
    dropped: &mut Counts,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut rng = Rng::with_seed(settings.seed);
    rng.shuffle(&mut candidates);
    if let Some(most) = settings.per_instance {
        cap(&mut candidates, most, dropped);
    }
    let held = (candidates.len() as f64 * settings.validation).round() as usize;
    let of: Vec<&str> = candidates.iter().map(|one| one.repository.as_str()).collect();
    let repositories = held_out(&of, held, &mut rng);
    let (validation, train): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|one| repositories.contains(&one.repository));
    (balanced(train, settings, dropped), balanced(validation, settings, dropped))
}

/// Keeps so many resolved and so many unresolved episodes of each instance.
fn cap(candidates: &mut Vec<Candidate>, most: usize, dropped: &mut Counts) {
    let mut taken: BTreeMap<(String, bool), usize> = BTreeMap::new();
    candidates.retain(|one| {
        let taken = taken.entry((one.instance_id.clone(), one.resolved)).or_default();
        *taken += 1;
        if *taken > most {
            dropped.count("enough of its instance", 1);
        }
        *taken <= most
    });
}

/// Keeps the first ones that make up the ratio and the share, in their order.
fn balanced(candidates: Vec<Candidate>, settings: &Settings, dropped: &mut Counts) -> Vec<Candidate> {
    let group = |on_policy: Option<bool>, resolved: bool| {
        let is_of = |one: &&Candidate| one.resolved == resolved && on_policy.is_none_or(|on| one.on_policy == on);
        candidates.iter().filter(is_of).count()
    };
    let limits = |on_policy: Option<bool>| {
        ratio([group(on_policy, true), group(on_policy, false)], settings.negatives_per_positive)
    };
    // By whether an episode is on-policy, where that counts, and by whether it is resolved.
    let (mut left, why) = match settings.on_policy_share {
        None => ([limits(None), [0; 2]], "not needed for the ratio"),
        Some(share) => {
            let (on, off) = (limits(Some(true)), limits(Some(false)));
            (shared(on, off, share), "not needed for the ratio or the share")
        }
    };
    let mixed = settings.on_policy_share.is_some();
    let keep = |one: &Candidate| {
        let left = &mut left[usize::from(mixed && !one.on_policy)][usize::from(!one.resolved)];
        let kept = *left > 0;
        *left = left.saturating_sub(1);
        if !kept {
            dropped.count(why, 1);
        }
        kept
    };
    candidates.into_iter().filter(keep).collect()
}

/// Returns how many of so many resolved and unresolved episodes are kept for so many unresolved ones a resolved one.
fn ratio([resolved, unresolved]: [usize; 2], wanted: Option<f64>) -> [usize; 2] {
    let Some(wanted) = wanted else { return [resolved, unresolved] };
    let kept = resolved.min((unresolved as f64 / wanted + 1e-9) as usize);
    [kept, unresolved.min((kept as f64 * wanted).round() as usize)]
}

/// Returns how many of each kind are kept, so that `share` of them are on-policy.
fn shared(on: [usize; 2], off: [usize; 2], share: f64) -> [[usize; 2]; 2] {
    let [all_on, all_off] = [on, off].map(|kinds| kinds.iter().sum::<usize>() as f64);
    let of = |all: f64, share: f64| if share > 0.0 { all / share } else { f64::INFINITY };
    let total = of(all_on, share).min(of(all_off, 1.0 - share));
    let scaled = |kinds: [usize; 2], all: f64, share: f64| {
        let factor = if all > 0.0 { (total * share / all).min(1.0) } else { 0.0 };
        kinds.map(|count| (count as f64 * factor).round() as usize)
    };
    [scaled(on, all_on, share), scaled(off, all_off, 1.0 - share)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_goes_by_what_is_scarce() {
        assert_eq!(ratio([443, 4556], Some(1.0)), [443, 443]);
        assert_eq!(ratio([443, 4556], Some(0.5)), [443, 222]);
        assert_eq!(ratio([10, 6], Some(2.0)), [3, 6]);
        assert_eq!(ratio([10, 6], None), [10, 6]);
        assert_eq!(ratio([0, 6], Some(1.0)), [0, 0]);
    }

    #[test]
    fn the_share_scales_the_kind_of_which_there_is_too_much() {
        assert_eq!(shared([875; 2], [443; 2], 0.5), [[443; 2]; 2]);
        assert_eq!(shared([30; 2], [90; 2], 0.25), [[30; 2], [90; 2]]);
        assert_eq!(shared([30; 2], [90; 2], 1.0), [[30; 2], [0; 2]]);
        assert_eq!(shared([0; 2], [90; 2], 0.5), [[0; 2]; 2]);
    }
}
