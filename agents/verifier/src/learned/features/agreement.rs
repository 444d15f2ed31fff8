//! How a candidate agrees with the others that it is rated with.

use std::cmp::Ordering;
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
    "agreement: words that others have",
    "agreement: distinct patches",
    "agreement: candidates",
];

/// How far two places in a file may be from each other to count as one, in lines.
const NEAR: usize = 4;

/// What is compared of a patch: its source files, the places that it changes, and the words that it adds.
struct Compared<'a> {
    files: Vec<&'a str>,
    places: Vec<(&'a str, usize)>,
    words: Vec<&'a str>,
}

/// How the patches of an instance agree, pair by pair, so that what a subset agrees on is put together without another look
/// at them.
#[derive(Debug, Clone, Default)]
pub(super) struct Agreement {
    /// Of each candidate the number of its text, which equal patches share; `None` for one that changes nothing.
    texts: Vec<Option<usize>>,
    /// The number of its set of source files; `None` for none.
    file_sets: Vec<Option<usize>>,
    /// How many lines it changes, on a logarithmic scale.
    lines: Vec<f64>,
    /// What each pair has in common, row by row.
    pairs: Vec<Pair>,
}

/// What two patches have in common, as shares from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    files: f64,
    places: f64,
    words: f64,
    /// Of the words of the one, how many the other has.
    held: f64,
}

impl Agreement {
    /// Compares all pairs.
    pub(super) fn of(candidates: &Candidates, shapes: &[Vec<FileChange>]) -> Self {
        let texts: Vec<String> = candidates.candidates.iter().map(|one| normalized(&one.patch.0)).collect();
        let compared: Vec<Compared<'_>> = shapes.iter().map(|files| compare(files)).collect();
        let pair = |one: &Compared<'_>, other: &Compared<'_>| {
            let words = common(&one.words, &other.words);
            Pair {
                files: jaccard(&one.files, &other.files),
                places: jaccard(&one.places, &other.places),
                words: share(words, one.words.len() + other.words.len() - words),
                held: share(words, one.words.len()),
            }
        };
        Self {
            texts: numbers(texts.iter().map(|text| (!text.is_empty()).then_some(text))),
            file_sets: numbers(compared.iter().map(|one| (!one.files.is_empty()).then_some(&one.files))),
            lines: shapes.iter().map(|files| log(lines(files))).collect(),
            pairs: compared.iter().flat_map(|one| compared.iter().map(move |other| pair(one, other))).collect(),
        }
    }

    /// Returns the features of each of these, as if there were no others.
    pub(super) fn features(&self, places: &[usize]) -> Vec<[f64; NAMES.len()]> {
        let mut file_sets: HashMap<usize, usize> = HashMap::new();
        for set in places.iter().filter_map(|place| self.file_sets[*place]) {
            *file_sets.entry(set).or_default() += 1;
        }
        let most = file_sets.values().copied().max().unwrap_or_default();
        let mut sizes: Vec<f64> = places.iter().map(|place| self.lines[*place]).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
        let texts: BTreeSet<Option<usize>> = places.iter().map(|place| self.texts[*place]).collect();
        let (all, others) = (places.len() as f64, (places.len() - usize::from(!places.is_empty())).max(1) as f64);
        let row = |place: &usize| {
            let (mut sum, mut nearest, mut equal) = (Pair::default(), Pair::default(), 0.0);
            for other in places.iter().filter(|other| *other != place) {
                let pair = self.pairs[place * self.texts.len() + other];
                sum.add(pair);
                nearest.raise(pair);
                equal += flag(self.texts[*place].is_some() && self.texts[*place] == self.texts[*other]);
            }
            let in_most = self.file_sets[*place].is_some_and(|set| file_sets.get(&set) == Some(&most));
            [
                equal / others,
                flag(equal > 0.0),
                sum.files / others,
                sum.places / others,
                nearest.places,
                sum.words / others,
                nearest.words,
                flag(most > 1 && in_most),
                (self.lines[*place] - median).abs(),
                sum.held / others,
                texts.len() as f64 / all,
                all.ln_1p(),
            ]
        };
        places.iter().map(row).collect()
    }
}

impl Pair {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.places += other.places;
        self.words += other.words;
        self.held += other.held;
    }

    fn raise(&mut self, other: Self) {
        self.places = self.places.max(other.places);
        self.words = self.words.max(other.words);
    }
}

/// Returns for each value the number of its kind.
fn numbers<T: Ord>(values: impl Iterator<Item = Option<T>>) -> Vec<Option<usize>> {
    let mut known: BTreeMap<T, usize> = BTreeMap::new();
    values
        .map(|value| {
            let next = known.len();
            value.map(|value| *known.entry(value).or_insert(next))
        })
        .collect()
}

fn compare(files: &[FileChange]) -> Compared<'_> {
    let source: Vec<&FileChange> = files.iter().filter(|file| file.kind() == Kind::Source).collect();
    let places = source.iter().flat_map(|file| {
        let lines = file.hunks.iter().flat_map(|hunk| hunk.removed.iter().chain(&hunk.added));
        lines.map(|(number, _)| (file.path.as_str(), number / NEAR))
    });
    let words = source.iter().flat_map(|file| file.added()).flat_map(words);
    Compared {
        files: distinct(source.iter().map(|file| file.path.as_str())),
        places: distinct(places),
        words: distinct(words),
    }
}

/// Returns the words of a line of code.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

fn lines(files: &[FileChange]) -> usize {
    let source = files.iter().filter(|file| file.kind() == Kind::Source);
    source.map(|file| file.added().count() + file.removed().count()).sum()
}

/// Returns values in their order, each once.
pub(super) fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Returns how much of two sets is in both; 0 where one is empty, so that nothing agrees with nothing.
pub(super) fn jaccard<T: Ord>(one: &[T], other: &[T]) -> f64 {
    let both = common(one, other);
    share(both, one.len() + other.len() - both)
}

/// Returns how many values are in both.
fn common<T: Ord>(one: &[T], other: &[T]) -> usize {
    let (mut ones, mut others, mut count) = (one.iter().peekable(), other.iter().peekable(), 0);
    while let (Some(next), Some(beside)) = (ones.peek(), others.peek()) {
        match next.cmp(beside) {
            Ordering::Less => drop(ones.next()),
            Ordering::Greater => drop(others.next()),
            Ordering::Equal => {
                count += 1;
                ones.next();
                others.next();
            }
        }
    }
    count
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
