//! Cross-validation that never has a repository on both sides.

use std::collections::BTreeMap;

use anyhow::bail;
use env_core::repository_part as repository;
use rayon::prelude::*;

use super::counted::Counted;
use super::model::Learned;
use crate::curves::{Picked, Rated, Scores, picked_of_subsets, seed_of};
use crate::estimate::subsets;

/// What models say that had not seen the instance's repository.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrossValidated {
    /// The scores, and what is picked of each k.
    pub rated: Rated,
    /// How many folds there were.
    pub folds: usize,
    /// How many repositories.
    pub repositories: usize,
}

/// Returns the fold of each repository: the largest first, each into the fold that has the fewest instances so far.
pub(crate) fn assign<'a>(instance_ids: impl Iterator<Item = &'a str>, folds: usize) -> BTreeMap<&'a str, usize> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    instance_ids.for_each(|id| *sizes.entry(repository(id)).or_default() += 1);
    let mut repositories: Vec<(&str, usize)> = sizes.into_iter().collect();
    repositories.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let mut filled = vec![0_usize; folds.max(1)];
    let place = |(name, size): (&'a str, usize)| {
        let fold = (0..filled.len()).min_by_key(|fold| filled[*fold]).unwrap_or_default();
        filled[fold] += size;
        (name, fold)
    };
    repositories.into_iter().map(place).collect()
}

/// Rates each labelled instance, and its subsets up to `n`, by a model that was trained on the other folds.
///
/// # Errors
/// When there are fewer than two repositories, or a fold leaves nothing to learn from.
pub fn cross_validate(counted: &[Counted], folds: usize, n: usize) -> anyhow::Result<CrossValidated> {
    let fold_of = assign(counted.iter().map(|one| one.instance_id.as_str()), folds);
    let repositories = fold_of.len();
    let folds = folds.min(repositories);
    if folds < 2 {
        bail!(
            "cross-validation by repository needs two folds and two repositories, and there are {folds} and {repositories}\n\
             hint: name more runs, or `--folds 5`"
        );
    }
    let of_fold = |fold: usize| {
        let (held, rest): (Vec<&Counted>, Vec<&Counted>) =
            counted.iter().partition(|one| fold_of.get(repository(&one.instance_id)) == Some(&fold));
        let model = Learned::fit(&rest)?;
        Ok(held.into_iter().map(|one| (one.instance_id.clone(), rate(&model, one, n))).collect::<Vec<_>>())
    };
    let rated: anyhow::Result<Vec<Vec<_>>> = (0..folds).into_par_iter().map(of_fold).collect();
    let mut all = Rated::once("learned", Scores::new());
    for (instance_id, (scores, picked)) in rated?.into_iter().flatten() {
        all.scores.insert(instance_id.clone(), scores);
        all.picked.insert(instance_id, picked);
    }
    Ok(CrossValidated { rated: all, folds, repositories })
}

/// Returns the scores of the candidates of an instance, and what is picked of its subsets.
fn rate(model: &Learned, one: &Counted, n: usize) -> (Vec<Option<f64>>, Vec<Picked>) {
    let all: Vec<usize> = (0..one.resolved.len()).collect();
    let pick = |k: usize| {
        let drawn = subsets(k, one.resolved.len(), seed_of(&one.instance_id));
        let scores: Vec<Vec<Option<f64>>> =
            drawn.places.iter().map(|places| model.probabilities(&one.facts, places)).collect();
        picked_of_subsets(&drawn.places, &scores, &one.resolved, drawn.are_all)
    };
    (model.probabilities(&one.facts, &all), (1..=n.min(all.len())).map(pick).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_in_one_fold_and_folds_are_of_like_size() {
        let ids = ["a__a-1", "a__a-2", "a__a-3", "b__b-c-1", "b__b-c-2", "d__d-1"];
        let folds = assign(ids.into_iter(), 2);
        assert_eq!(folds, BTreeMap::from([("a__a", 0), ("b__b-c", 1), ("d__d", 1)]));
    }
}
