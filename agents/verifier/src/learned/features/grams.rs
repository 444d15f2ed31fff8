//! Hashed n-grams of what a patch changes and of what the agent said last.

use agent_core::{Record, Role, Trajectory};

use super::agreement::words;
use crate::curves::seed_of;
use crate::patch::{FileChange, Kind};

/// How many columns words are hashed into.
pub(in crate::learned) const COLUMNS: usize = 512;
/// How many letters of the last answer are looked at.
const LETTERS: usize = 4_000;

/// The share of each column, few of which a candidate has.
pub(crate) type Grams = Vec<(usize, f64)>;

/// Returns words and pairs of words of the lines that source files lose and gain, and words of the last answer, hashed, as
/// a vector of length 1. Paths, which name the repository, are not looked at.
pub(super) fn grams(files: &[FileChange], trajectory: Option<&Trajectory>) -> Grams {
    let mut counts = vec![0_u32; COLUMNS];
    let mut count = |kind: u64, one: u64, other: u64| counts[column(kind, one, other)] += 1;
    let [added, removed, answered, nothing] = ["+", "-", "?", ""].map(seed_of);
    for file in files.iter().filter(|file| file.kind() == Kind::Source) {
        let lines = file.added().map(|line| (added, line)).chain(file.removed().map(|line| (removed, line)));
        for (sign, line) in lines {
            let mut before = nothing;
            for word in words(line).map(seed_of) {
                count(sign, word, nothing);
                count(sign, before, word);
                before = word;
            }
        }
    }
    let said = trajectory.and_then(last_answer).unwrap_or_default();
    let mut end = said.len().min(LETTERS);
    while !said.is_char_boundary(end) {
        end -= 1;
    }
    words(&said[..end]).for_each(|word| count(answered, seed_of(word), nothing));
    // What is said often says little more than what is said once.
    let there = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    let mut grams: Grams = there.map(|(column, count)| (column, f64::from(count).ln_1p())).collect();
    let length = grams.iter().map(|(_, value)| value * value).sum::<f64>().sqrt().max(1e-9);
    grams.iter_mut().for_each(|(_, value)| *value /= length);
    grams
}

/// Returns the column of what these hash to: the kind, and one or two words.
fn column(kind: u64, one: u64, other: u64) -> usize {
    let mix = |mixed: u64, part: u64| (mixed.rotate_left(21) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The upper bits are the better mixed ones.
    (mix(mix(mix(0, kind), one), other) >> 40) as usize % COLUMNS
}

fn last_answer(trajectory: &Trajectory) -> Option<&str> {
    trajectory.records.iter().rev().find_map(|record| match record {
        Record::Completion { completion, .. } => Some(completion.message.content.as_str()),
        Record::Message { message, .. } if message.role == Role::Assistant => Some(message.content.as_str()),
        _ => None,
    })
}
