//! Folds that never have a repository on both sides.

use std::collections::BTreeMap;

use anyhow::bail;
use env_core::repository_part as repository;

/// Folds of repositories, at least two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folds {
    fold_of: BTreeMap<String, usize>,
    /// How many there are: no more than repositories.
    pub(crate) count: usize,
}

impl Folds {
    /// Deals the repositories of instances out into so many folds.
    ///
    /// # Errors
    /// When there would be fewer than two.
    pub(crate) fn of<'a>(instance_ids: impl Iterator<Item = &'a str>, folds: usize) -> anyhow::Result<Self> {
        let fold_of = assign(instance_ids, folds);
        let (repositories, count) = (fold_of.len(), folds.min(fold_of.len()));
        if count < 2 {
            bail!(
                "cross-validation by repository needs two folds and two repositories, and there are {folds} and \
                 {repositories}\nhint: name more runs, or `--folds 5`"
            );
        }
        Ok(Self { fold_of: fold_of.into_iter().map(|(name, fold)| (name.to_owned(), fold)).collect(), count })
    }

    /// Returns the fold of an instance, which is the one that it is held out in; `None` where its repository is in none.
    pub(crate) fn held_out(&self, instance_id: &str) -> Option<usize> {
        self.fold_of.get(repository(instance_id)).copied()
    }

    /// Returns how many repositories there are.
    pub(crate) fn repositories(&self) -> usize {
        self.fold_of.len()
    }
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
