//! The region of a file that is most like a given text.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, diff_ratio};

/// Regions looked at closely.
const CANDIDATES: usize = 6;

/// Tokens of either side compared at most.
const TOKENS: usize = 1500;

/// Returns the lines of `file` that are most like `wanted`, or nothing when none are much like it.
///
/// Every word and every whole line of `wanted` that is also in the file votes for the place where `wanted` would then
/// begin, the rare ones with more weight. Only the few best places are compared in full, so that the time is that of
/// one pass over the file.
pub(crate) fn closest(file: &[&str], wanted: &[&str]) -> Option<Range<usize>> {
    let mut best: Option<(f32, Range<usize>)> = None;
    for start in candidates(file, wanted) {
        let region = fit(file, wanted, start);
        let likeness = likeness(wanted, file.get(region.clone()).unwrap_or_default());
        if best.as_ref().is_none_or(|(most, _)| likeness > *most) {
            best = Some((likeness, region));
        }
    }
    best.filter(|(likeness, _)| *likeness >= 0.45).map(|(_, region)| region)
}

/// Returns where `wanted` may begin, the most voted place first. A start before the file counts as its beginning.
fn candidates(file: &[&str], wanted: &[&str]) -> Vec<usize> {
    let mut places: HashMap<u64, (u32, Vec<u32>)> = HashMap::new();
    for (line, index) in wanted.iter().zip(0..) {
        features(line, |feature| {
            let (_, lines) = places.entry(feature).or_default();
            if lines.len() < 6 && lines.last() != Some(&index) {
                lines.push(index);
            }
        });
    }
    let mut seen: Vec<(usize, u64)> = Vec::new();
    for (index, line) in file.iter().enumerate() {
        features(line, |feature| {
            if let Some((frequency, _)) = places.get_mut(&feature) {
                *frequency += 1;
                seen.push((index, feature));
            }
        });
    }
    let mut votes = vec![0_f32; file.len() + wanted.len()];
    for (index, feature) in seen {
        let Some((frequency, lines)) = places.get(&feature) else { continue };
        let weight = (1.0 + file.len() as f32 / *frequency as f32).ln();
        for line in lines {
            if let Some(vote) = votes.get_mut(index + wanted.len() - *line as usize) {
                *vote += weight;
            }
        }
    }
    ranked(&votes, wanted.len())
}

/// Returns the places with the most votes, where the neighbours count in part: lines may have come in between.
fn ranked(votes: &[f32], length: usize) -> Vec<usize> {
    let vote = |index: usize| votes.get(index).copied().unwrap_or_default();
    let mut places: Vec<(f32, usize)> = (0..votes.len())
        .filter(|index| vote(*index) > 0.0)
        .map(|index| {
            let near = vote(index.wrapping_sub(1)) + vote(index + 1);
            let far = vote(index.wrapping_sub(2)) + vote(index + 2);
            (vote(index) + near / 2.0 + far / 4.0, index)
        })
        .collect();
    let top = (CANDIDATES * 8).min(places.len());
    if top < places.len() {
        places.select_nth_unstable_by(top, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        places.truncate(top);
    }
    places.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<usize> = Vec::new();
    for (_, place) in places {
        if kept.len() < CANDIDATES && kept.iter().all(|other| other.abs_diff(place) > length / 4) {
            kept.push(place);
        }
    }
    kept.into_iter().map(|place| place.saturating_sub(length)).collect()
}

/// Calls `each` with a fingerprint of every word of a line, and of the line without its blanks.
fn features(line: &str, mut each: impl FnMut(u64)) {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut whole = !OFFSET;
    let mut word = OFFSET;
    let mut ascii = true;
    for byte in line.bytes().map(|byte| byte.to_ascii_lowercase()) {
        if !byte.is_ascii_whitespace() {
            whole = (whole ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        let in_word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        // Curly quotes do not belong to the word between them.
        if word != OFFSET && (!in_word || ascii != byte.is_ascii()) {
            each(word);
            word = OFFSET;
        }
        ascii = byte.is_ascii();
        if in_word {
            word = (word ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    if word != OFFSET {
        each(word);
    }
    if whole != !OFFSET {
        each(whole);
    }
}

/// Returns the lines around `start` that answer to `wanted`, more or fewer than it has where that fits better.
fn fit(file: &[&str], wanted: &[&str], start: usize) -> Range<usize> {
    let plain = start.min(file.len().saturating_sub(1))..(start + wanted.len()).min(file.len());
    let pad = 2 + wanted.len() / 4;
    let from = start.saturating_sub(pad);
    let to = (start + wanted.len() + pad).min(file.len());
    let bare = |lines: &[&str]| lines.iter().map(|line| without_blanks(line)).collect::<Vec<String>>();
    let ops = capture_diff_slices(Algorithm::Myers, &bare(wanted), &bare(file.get(from..to).unwrap_or_default()));
    if !ops.iter().any(|op| matches!(op, DiffOp::Equal { .. })) {
        return plain;
    }
    let surplus = |op: Option<&DiffOp>| match op {
        Some(DiffOp::Insert { new_len, .. }) => *new_len,
        Some(DiffOp::Replace { old_len, new_len, .. }) => new_len.saturating_sub(*old_len),
        Some(DiffOp::Equal { .. } | DiffOp::Delete { .. }) | None => 0,
    };
    from + surplus(ops.first())..to - surplus(ops.last())
}

/// Returns how much alike the two texts are, from 0 to 1: as a whole, and as far as what is wanted goes.
fn likeness(wanted: &[&str], region: &[&str]) -> f32 {
    let (wanted, region) = (tokens(wanted), tokens(region));
    let ops = capture_diff_slices(Algorithm::Myers, &wanted, &region);
    let found: usize = ops.iter().map(|op| if let DiffOp::Equal { len, .. } = op { *len } else { 0 }).sum();
    (diff_ratio(&ops, wanted.len(), region.len()) + found as f32 / wanted.len().max(1) as f32) / 2.0
}

/// Splits lines into words and signs.
fn tokens<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut tokens = Vec::new();
    for mut rest in lines.iter().copied() {
        while let Some(first) = rest.chars().next() {
            let length = match is_word(first) {
                true => rest.find(|character| !is_word(character)).unwrap_or(rest.len()),
                false => first.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            rest = after;
            match first {
                '\'' | '`' | '“' | '”' | '‘' | '’' => tokens.push("\""),
                first if first.is_whitespace() => {}
                _ => tokens.push(token),
            }
            if tokens.len() == TOKENS {
                return tokens;
            }
        }
    }
    tokens
}

/// Returns a text without any blanks.
pub(crate) fn without_blanks(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}
