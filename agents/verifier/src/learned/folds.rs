//! Cross-validation that never has a repository on both sides.

use rayon::prelude::*;

use super::counted::Counted;
use super::model::Learned;
use crate::curves::{Picked, Rated, Scores, drawn, picked_of_subsets};
use crate::estimate::{Folds, Subsets};

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

/// Rates each labelled instance, and its subsets up to `n`, by a model that was trained on the other folds.
///
/// # Errors
/// When there are fewer than two repositories, or a fold leaves nothing to learn from.
pub fn cross_validate(counted: &[Counted], folds: usize, n: usize) -> anyhow::Result<CrossValidated> {
    let folds = Folds::of(counted.iter().map(|one| one.instance_id.as_str()), folds)?;
    let of_fold = |fold: usize| {
        let (held, rest): (Vec<&Counted>, Vec<&Counted>) =
            counted.iter().partition(|one| folds.held_out(&one.instance_id) == Some(fold));
        let model = Learned::fit(&rest)?;
        Ok(held.into_iter().map(|one| (one.instance_id.clone(), rate(&model, one, n))).collect::<Vec<_>>())
    };
    let rated: anyhow::Result<Vec<Vec<_>>> = (0..folds.count).into_par_iter().map(of_fold).collect();
    let mut all = Rated::once("learned", Scores::new());
    for (instance_id, (scores, picked)) in rated?.into_iter().flatten() {
        all.scores.insert(instance_id.clone(), scores);
        all.picked.insert(instance_id, picked);
    }
    Ok(CrossValidated { rated: all, folds: folds.count, repositories: folds.repositories() })
}

/// Returns the scores of the candidates of an instance, and what is picked of its subsets.
fn rate(model: &Learned, one: &Counted, n: usize) -> (Vec<Option<f64>>, Vec<Picked>) {
    let all: Vec<usize> = (0..one.resolved.len()).collect();
    let drawn = drawn(&one.instance_id, all.len(), n);
    let of = |places: &Vec<usize>| model.probabilities(&one.facts, places);
    let pick = |drawn: &Subsets| {
        let scores: Vec<Vec<Option<f64>>> = drawn.places.iter().map(of).collect();
        picked_of_subsets(&drawn.places, &scores, &one.resolved, drawn.are_all)
    };
    (model.probabilities(&one.facts, &all), drawn.iter().map(pick).collect())
}
