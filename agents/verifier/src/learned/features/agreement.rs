//! How a candidate agrees with the others of its instance.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::patch::{flag, log};
use crate::candidate::Candidates;
use crate::patch::{FileChange, Kind, normalized};

/// Their names.
pub(super) const NAMES: [&str; 12] = [
    "agreement: share of equal patches",
    "agreement: any equal patch",
    "agreement: files, mean",
    "agreement: lines, mean",
    "agreement: lines, nearest",
    "agreement: words, mean",
    "agreement: words, nearest",
    "agreement: most common files",
    "agreement: size against the median",
    "agreement: share of all words",
    "agreement: distinct patches",
    "agreement: candidates",
];

/// How far two places in a file may be from each other to count as one, in lines.
const NEAR: usize = 4;

/// What is compared of a patch: its source files, the places that it changes, and the words that it adds.
struct Compared<'a> {
    text: String,
    files: BTreeSet<&'a str>,
    places: BTreeSet<(&'a str, usize)>,
    words: BTreeSet<&'a str>,
    lines: usize,
}

/// Returns the features of each candidate.
pub(super) fn features(candidates: &Candidates, shapes: &[Vec<FileChange>]) -> Vec<[f64; NAMES.len()]> {
    let compared: Vec<Compared<'_>> =
        candidates.candidates.iter().zip(shapes).map(|(candidate, files)| compare(&candidate.patch.0, files)).collect();
    let mut file_sets: HashMap<&BTreeSet<&str>, usize> = HashMap::new();
    let mut word_counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in compared.iter().filter(|one| !one.files.is_empty()) {
        *file_sets.entry(&one.files).or_default() += 1;
        for word in &one.words {
            *word_counts.entry(word).or_default() += 1;
        }
    }
    let most = file_sets.values().copied().max().unwrap_or_default();
    let mut sizes: Vec<usize> = compared.iter().map(|one| one.lines).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
    let distinct = compared.iter().map(|one| &one.text).collect::<BTreeSet<_>>().len();
    let row = |(place, one): (usize, &Compared<'_>)| {
        let others = || compared.iter().enumerate().filter(move |(other, _)| *other != place).map(|(_, other)| other);
        let count = (compared.len() - 1).max(1) as f64;
        let equal = others().filter(|other| !one.text.is_empty() && other.text == one.text).count() as f64;
        let mean = |of: &dyn Fn(&Compared<'_>) -> f64| others().map(of).sum::<f64>() / count;
        let nearest = |of: &dyn Fn(&Compared<'_>) -> f64| others().map(of).fold(0.0, f64::max);
        let lines = |other: &Compared<'_>| jaccard(&one.places, &other.places);
        let words = |other: &Compared<'_>| jaccard(&one.words, &other.words);
        let shared: usize = one.words.iter().filter_map(|word| word_counts.get(word)).sum();
        [
            equal / count,
            flag(equal > 0.0),
            mean(&|other| jaccard(&one.files, &other.files)),
            mean(&lines),
            nearest(&lines),
            mean(&words),
            nearest(&words),
            flag(most > 1 && file_sets.get(&one.files).is_some_and(|count| *count == most)),
            (log(one.lines) - log(median)).abs(),
            shared as f64 / (one.words.len() * compared.len()).max(1) as f64,
            distinct as f64 / compared.len() as f64,
            log(compared.len()),
        ]
    };
    compared.iter().enumerate().map(row).collect()
}

fn compare<'a>(patch: &str, files: &'a [FileChange]) -> Compared<'a> {
    let source: Vec<&FileChange> = files.iter().filter(|file| file.kind() == Kind::Source).collect();
    let places = source.iter().flat_map(|file| {
        let lines = file.hunks.iter().flat_map(|hunk| hunk.removed.iter().chain(&hunk.added));
        lines.map(|(number, _)| (file.path.as_str(), number / NEAR))
    });
    let words = source.iter().flat_map(|file| file.added()).flat_map(|line| {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
    });
    Compared {
        text: normalized(patch),
        files: source.iter().map(|file| file.path.as_str()).collect(),
        places: places.collect(),
        words: words.collect(),
        lines: source.iter().map(|file| file.added().count() + file.removed().count()).sum(),
    }
}

/// Returns how much of two sets is in both; 0 where one is empty, so that nothing agrees with nothing.
fn jaccard<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> f64 {
    let both = one.intersection(other).count();
    if both == 0 { 0.0 } else { both as f64 / (one.len() + other.len() - both) as f64 }
}
