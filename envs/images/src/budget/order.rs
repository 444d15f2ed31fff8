//! In which order images are used, so that those which share layers follow each other.

use std::collections::HashMap;

/// Returns the order in which lists of layers, the lowest first, are best gone through: those that share their lower
/// layers follow each other, and what comes first in the list comes first, as far as that allows.
pub(crate) fn order(layers: &[Vec<String>]) -> Vec<usize> {
    // One number a layer: the place of the first image that is on it and on all below it.
    let mut first: HashMap<(usize, &str), usize> = HashMap::new();
    let mut paths: Vec<(Vec<usize>, usize)> = Vec::with_capacity(layers.len());
    for (place, of_image) in layers.iter().enumerate() {
        let mut below = 0;
        let mut path = Vec::with_capacity(of_image.len() + 1);
        for layer in of_image {
            below = *first.entry((below, layer.as_str())).or_insert(place + 1);
            path.push(below);
        }
        path.push(place + 1);
        paths.push((path, place));
    }
    paths.sort();
    paths.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_layers_follows_each_other_in_the_order_of_the_list() {
        let lists = ["b x 1", "a y 2", "b z 3", "a y 4", "c", "b x 5", ""];
        let lists: Vec<Vec<String>> =
            lists.iter().map(|list| list.split_whitespace().map(str::to_owned).collect()).collect();
        assert_eq!(order(&lists), [0, 5, 2, 1, 3, 4, 6]);
    }
}
