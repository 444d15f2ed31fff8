//! Names like those that a model got wrong.

/// Returns `; did you mean …?` where one of the names is much like another, else nothing.
pub(crate) fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let tail = |name: &str| name.rsplit(['/', '.']).next().unwrap_or_default().to_owned();
    let likeness = |other: &str| {
        let same_end = if tail(name) == tail(other) { 0.3 } else { 0.0 };
        strsim::normalized_levenshtein(name, other) + same_end
    };
    let scored = names.map(|other| (likeness(other), other)).filter(|(score, _)| *score > 0.5);
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, other)| format!("; did you mean `{other}`?")).unwrap_or_default()
}
