//! The tokens of words that came before.

use std::ops::Range;

use regex_automata::meta::Cache;
use rustc_hash::FxHashMap;

/// Words of up to so many bytes are compared as two numbers.
const SHORT: usize = 15;

/// Longer words are rare, and not remembered.
const LONGEST: usize = 80;

/// How many words are remembered at most, for each thread.
const REMEMBERED: usize = 1 << 19;

/// How many of the short words that came last are found without a look into the map, as a power of two: so many that they
/// stay in a processor's own cache.
const LATEST: u32 = 12;

/// What one thread works with.
pub(super) struct Memory {
    /// What cutting words needs.
    pub cache: Cache,
    /// Short words that came last, each at the place that its key says; those of an empty key are none.
    latest: Box<[(Key, Known)]>,
    /// The tokens of short words, by [`key`].
    short: FxHashMap<Key, Known>,
    /// The tokens of others.
    long: FxHashMap<Box<str>, Known>,
    /// The tokens of words of several.
    ids: Vec<u32>,
}

/// The tokens of a word: the only one itself, or where they are in `ids`, and how many.
#[derive(Debug, Clone, Copy)]
struct Known {
    first: u32,
    count: u32,
}

/// The bytes of a word of up to [`SHORT`], and their number behind them, so that it is compared without a look elsewhere.
type Key = [u64; 2];

impl Memory {
    pub(super) fn new(cache: Cache) -> Self {
        let latest = nothing();
        Self { cache, latest, short: FxHashMap::default(), long: FxHashMap::default(), ids: Vec::new() }
    }

    /// Adds the tokens of a word of a text; `false` for one that is not remembered.
    #[inline]
    pub(super) fn recall(&mut self, text: &str, word: &Range<usize>, ids: &mut Vec<u32>) -> bool {
        let known = match key(text.as_bytes(), word) {
            Some(key) => self.short(key),
            None => self.long.get(&text[word.clone()]).copied(),
        };
        match known {
            Some(Known { first, count: 1 }) => ids.push(first),
            Some(Known { first, count }) => {
                ids.extend_from_slice(&self.ids[first as usize..(first + count) as usize]);
            }
            None => return false,
        }
        true
    }

    #[inline]
    fn short(&mut self, key: Key) -> Option<Known> {
        let latest = &mut self.latest[place(key)];
        if latest.0 != key {
            *latest = (key, *self.short.get(&key)?);
        }
        Some(latest.1)
    }

    /// Remembers the tokens of a word of a text.
    pub(super) fn keep(&mut self, text: &str, word: &Range<usize>, ids: &[u32]) -> anyhow::Result<()> {
        if word.len() > LONGEST {
            return Ok(());
        }
        if self.short.len() + self.long.len() >= REMEMBERED {
            self.latest = nothing();
            self.short.clear();
            self.long.clear();
            self.ids.clear();
        }
        let known = match ids {
            [id] => Known { first: *id, count: 1 },
            several => {
                let first = u32::try_from(self.ids.len())?;
                self.ids.extend_from_slice(several);
                Known { first, count: u32::try_from(several.len())? }
            }
        };
        match key(text.as_bytes(), word) {
            Some(key) => self.short.insert(key, known),
            None => self.long.insert(text[word.clone()].into(), known),
        };
        Ok(())
    }
}

fn nothing() -> Box<[(Key, Known)]> {
    vec![(Key::default(), Known { first: 0, count: 0 }); 1 << LATEST].into()
}

/// Returns where among the latest words one is looked for, by a multiplication that mixes its bytes.
#[inline]
fn place(key: Key) -> usize {
    let mixed = (key[0] ^ key[1].rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (64 - LATEST)) as usize
}

/// Returns the key of a word of a text; `None` for one that is too long.
#[inline]
fn key(text: &[u8], word: &Range<usize>) -> Option<Key> {
    let length = word.len();
    if length > SHORT {
        return None;
    }
    let bytes = match text.get(word.start..word.start + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()) {
        Some(bytes) => u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1),
        None => text.get(word.clone())?.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte)),
    };
    let all = bytes | (length as u128) << 120;
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    Some([all as u64, (all >> 64) as u64])
}
