//! Suggests known names for misspelt ones.

/// Returns the known name that is nearest to a wrong one, if it is near: at most a quarter of it is different, without
/// regard to case.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_near(wrong, known).into_iter().next()
}

/// Returns all known names that are near, the nearest first.
pub fn all_near<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong = wrong.to_lowercase();
    let measured = known.into_iter().map(|name| {
        let lower = name.to_lowercase();
        let length = wrong.chars().count().max(lower.chars().count());
        (strsim::damerau_levenshtein(&wrong, &lower), length, name)
    });
    let near = measured.filter(|(distance, length, _)| *distance <= (length / 4).max(usize::from(*length > 2)));
    let mut near: Vec<_> = near.collect();
    near.sort_by_key(|(distance, ..)| *distance);
    near.into_iter().map(|(.., name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_far_name_is_none_that_was_meant() {
        let known = ["demo__lru-1", "demo__tables-1", "steps", "cost", "x"];
        for (wrong, expected) in [
            ("demo__lro-1", Some("demo__lru-1")),
            ("DEMO__table-1", Some("demo__tables-1")),
            ("step", Some("steps")),
            ("stpes", Some("steps")),
            ("django__django-16485", None),
            ("demo__other-7", None),
            ("coast", Some("cost")),
            ("price", None),
            ("y", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }
}
