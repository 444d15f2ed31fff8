//! Names like those that a model got wrong.

use serde_json::json;
use tool_core::Texts;

/// Returns `; did you mean …?` where one of the names is much like another, else nothing.
pub fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str>, texts: &dyn Texts) -> String {
    let tail = name.rsplit(['/', '.']).next().unwrap_or(name);
    let likeness = |other: &str| {
        let same_end = !tail.is_empty() && tail != "py" && other.ends_with(tail);
        strsim::normalized_levenshtein(name, other) + if same_end { 0.3 } else { 0.0 }
    };
    let scored = names.map(|other| (likeness(other), other)).filter(|(score, _)| *score > 0.5);
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, name)| texts.render("search/hint_name", json!({ "name": name }))).unwrap_or_default()
}
