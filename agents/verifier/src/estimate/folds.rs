//! Folds that never have a repository on both sides.

use std::collections::BTreeMap;

use env_core::repository_part as repository;

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
