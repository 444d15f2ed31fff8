//! Byte-level BPE tokenizers, quicker.
//!
//! The merging stays with the tokenizer itself. What is quicker is all around it: text is cut into words by a table,
//! the tokens of a word are remembered, and nothing is kept of a token but its id and its length. Tokenizers that do
//! anything else than what is known here are left alone.

use std::sync::{Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::anyhow;
use regex_automata::meta::Cache;
use rustc_hash::FxHashMap;
use serde_json::Value;
use tokenizers::{Model, NormalizedString, Normalizer, Tokenizer};

use super::words::Words;

/// Words of up to so many bytes are compared as two numbers.
const SHORT: usize = 15;

/// Longer words are rare, and not remembered.
const LONGEST: usize = 80;

/// How many words are remembered at most, for each thread.
const REMEMBERED: usize = 1 << 19;

/// A byte-level BPE tokenizer, cut down to the ids and lengths of tokens.
pub(super) struct Fast {
    words: Words,
    added: Option<(AhoCorasick, Vec<u32>)>,
    /// The character that stands for each byte in the vocabulary.
    letters: [char; 256],
    /// Bytes of each token, by id.
    lengths: Vec<u32>,
    memories: Mutex<Vec<Memory>>,
}

/// The tokens of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// The tokens.
    pub ids: Vec<u32>,
    /// The bytes that each stands for.
    pub offsets: Vec<(usize, usize)>,
}

/// What one thread works with.
struct Memory {
    cache: Cache,
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

/// Returns the key of `text[at..end]`; `None` for a word that is too long.
#[inline]
fn key(text: &[u8], at: usize, end: usize) -> Option<Key> {
    let length = end - at;
    if length > SHORT {
        return None;
    }
    let bytes = match text.get(at..at + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()) {
        Some(bytes) => u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1),
        None => text.get(at..end)?.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte)),
    };
    let all = bytes | (length as u128) << 120;
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    Some([all as u64, (all >> 64) as u64])
}

impl Memory {
    /// Remembers the tokens of a word.
    fn keep(&mut self, key: Option<Key>, word: &str, ids: &[u32]) -> anyhow::Result<()> {
        if word.len() > LONGEST {
            return Ok(());
        }
        if self.short.len() + self.long.len() >= REMEMBERED {
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
        match key {
            Some(key) => self.short.insert(key, known),
            None => self.long.insert(word.into(), known),
        };
        Ok(())
    }
}

impl Fast {
    /// Returns the quick form of a tokenizer; `None` where it does something that is not known here.
    pub(super) fn new(description: &Value, tokenizer: &Tokenizer) -> Option<Self> {
        let model = &description["model"];
        let is_blank = |value: &Value| value.is_null() || value.as_str() == Some("");
        let is_plain = model["type"] == "BPE"
            && model["dropout"].is_null()
            && model["byte_fallback"] != true
            && is_blank(&model["continuing_subword_prefix"])
            && is_blank(&model["end_of_word_suffix"]);
        let normalizer = &description["normalizer"];
        if !is_plain || !(normalizer.is_null() || normalizer["type"] == "NFC") {
            return None;
        }
        let words = Words::new(&description["pre_tokenizer"])?;
        let added = added(&description["added_tokens"], normalizer.is_null())?;
        let letters = letters();
        let mut lengths: Vec<u32> = Vec::new();
        for (token, id) in tokenizer.get_vocab(true) {
            let id = id as usize;
            lengths.resize(lengths.len().max(id + 1), 0);
            *lengths.get_mut(id)? = u32::try_from(token.chars().count()).ok()?;
        }
        for one in description["added_tokens"].as_array().into_iter().flatten() {
            let id = usize::try_from(one["id"].as_u64()?).ok()?;
            *lengths.get_mut(id)? = u32::try_from(one["content"].as_str()?.len()).ok()?;
        }
        let fast = Self { words, added, letters, lengths, memories: Mutex::default() };
        fast.agrees(tokenizer).then_some(fast)
    }

    /// Returns whether it gives what the tokenizer gives, for what is told apart in cutting.
    fn agrees(&self, tokenizer: &Tokenizer) -> bool {
        let probe = "Don't stop: I'LL go  on\n\n    def f(x):\r\n\treturn x+12345 \u{a0}\u{e4}\u{f6} \u{4f60}\u{597d}!!\n\n \
                     \n<|im_start|>a  \n b\u{1f600}\u{301} e  ";
        let slow = tokenizer.encode_fast(probe, false);
        matches!((self.encode(probe, tokenizer), slow), (Ok(Some(fast)), Ok(slow)) if fast.ids == slow.get_ids())
    }

    /// Returns the tokens of a text; `None` for one that the tokenizer would first bring into another form.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(super) fn encode(&self, text: &str, tokenizer: &Tokenizer) -> anyhow::Result<Option<Tokens>> {
        if !is_normal(text, tokenizer) {
            return Ok(None);
        }
        let memory = self.memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = memory.unwrap_or_else(|| Memory {
            cache: self.words.cache(),
            short: FxHashMap::default(),
            long: FxHashMap::default(),
            ids: Vec::new(),
        });
        let mut ids = Vec::with_capacity(text.len() / 3);
        let (mut done, mut encoded) = (0, Ok(()));
        if let Some((added, known)) = &self.added {
            for found in added.find_iter(text) {
                encoded =
                    encoded.and_then(|()| self.plain(&text[done..found.start()], tokenizer, &mut memory, &mut ids));
                ids.extend(known.get(found.pattern().as_usize()));
                done = found.end();
            }
        }
        encoded = encoded.and_then(|()| self.plain(&text[done..], tokenizer, &mut memory, &mut ids));
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        encoded?;
        let (mut offsets, mut end) = (Vec::with_capacity(ids.len()), 0);
        for id in &ids {
            let start = end;
            end += self.lengths.get(*id as usize).copied().unwrap_or_default() as usize;
            offsets.push((start, end));
        }
        // A token that stands for other bytes than its own, such as one for what is not known.
        Ok((end == text.len()).then_some(Tokens { ids, offsets }))
    }

    /// Adds the tokens of a text without added tokens.
    fn plain(&self, text: &str, tokenizer: &Tokenizer, memory: &mut Memory, ids: &mut Vec<u32>) -> anyhow::Result<()> {
        let mut at = 0;
        while at < text.len() {
            let end = self.words.end(text, at, &mut memory.cache);
            let word = &text[at..end];
            let key = key(text.as_bytes(), at, end);
            at = end;
            let known = match key {
                Some(key) => memory.short.get(&key),
                None => memory.long.get(word),
            };
            match known {
                Some(Known { first, count: 1 }) => {
                    ids.push(*first);
                    continue;
                }
                Some(Known { first, count }) => {
                    ids.extend_from_slice(&memory.ids[*first as usize..(*first + *count) as usize]);
                    continue;
                }
                None => {}
            }
            let shown: String = word.bytes().map(|byte| self.letters[byte as usize]).collect();
            let tokens = tokenizer.get_model().tokenize(&shown).map_err(|err| anyhow!("{err}"))?;
            let from = ids.len();
            ids.extend(tokens.iter().map(|token| token.id));
            memory.keep(key, word, &ids[from..])?;
        }
        Ok(())
    }
}

/// Returns what finds added tokens, if there are any; `None` where one is found by more than its text.
#[expect(clippy::option_option, reason = "none at all is another thing than none that can be found")]
fn added(tokens: &Value, no_normalizer: bool) -> Option<Option<(AhoCorasick, Vec<u32>)>> {
    let (mut texts, mut ids) = (Vec::new(), Vec::new());
    for token in tokens.as_array().into_iter().flatten() {
        let is_plain = ["lstrip", "rstrip", "single_word"].iter().all(|flag| token[*flag] == false);
        if !is_plain || !(no_normalizer || token["normalized"] == false) {
            return None;
        }
        texts.push(token["content"].as_str()?);
        ids.push(u32::try_from(token["id"].as_u64()?).ok()?);
    }
    if texts.is_empty() {
        return Some(None);
    }
    let found = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts).ok()?;
    Some(Some((found, ids)))
}

/// Returns whether the normalizer leaves a text as it is. Nothing is composed over a line break.
fn is_normal(text: &str, tokenizer: &Tokenizer) -> bool {
    let Some(normalizer) = tokenizer.get_normalizer().filter(|_| !text.is_ascii()) else { return true };
    text.split('\n').filter(|line| !line.is_ascii()).all(|line| {
        let mut normalized = NormalizedString::from(line);
        normalizer.normalize(&mut normalized).is_ok() && normalized.get() == line
    })
}

/// Returns the character that stands for each byte: itself where it can be seen, and else one behind those of Latin-1.
fn letters() -> [char; 256] {
    let mut next = 256_u32;
    std::array::from_fn(|byte| {
        let byte = byte as u32;
        let is_seen = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if is_seen { byte } else { next };
        next += u32::from(!is_seen);
        char::from_u32(code).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// A tokenizer of all bytes and a few merges.
    fn description(pattern: Option<&str>, normalizer: Value) -> Value {
        let letters = letters();
        let mut vocab: Map<String, Value> = (0..256).map(|byte| (letters[byte].to_string(), byte.into())).collect();
        let merges = [("a", "b"), ("\u{120}", "a"), ("\u{120}", "\u{120}"), ("\u{10a}", "\u{10a}"), ("1", "2")];
        for (number, (left, right)) in merges.iter().enumerate() {
            vocab.insert(format!("{left}{right}"), (256 + number).into());
        }
        let merges: Vec<String> = merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
        let bytes = |cuts: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": cuts });
        let cut = pattern.map_or_else(
            || bytes(true),
            |pattern| {
                let split = json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
                json!({ "type": "Sequence", "pretokenizers": [split, bytes(false)] })
            },
        );
        let added = json!({
            "id": 261, "content": "<|x|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        });
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [added], "normalizer": normalizer,
            "pre_tokenizer": cut, "post_processor": null, "decoder": null,
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges,
            },
        })
    }

    #[test]
    fn it_gives_what_the_tokenizer_gives() {
        let parts = [
            "a",
            "b",
            "ab",
            " ",
            "  ",
            "\n",
            "\r\n",
            "\t",
            "'s",
            "'LL",
            "1",
            "12",
            "!",
            "()",
            "\u{e4}",
            "e\u{301}",
            "\u{4f60}",
            "\u{a0}",
            "\u{3000}",
            "\u{1f600}",
            "<|x|>",
            "<|",
            "\u{85}",
            "_",
        ];
        for (pattern, normalizer) in [(None, Value::Null), (Some(QWEN), json!({ "type": "NFC" }))] {
            let description = description(pattern, normalizer);
            let tokenizer: Tokenizer = description.to_string().parse().unwrap();
            let fast = Fast::new(&description, &tokenizer).expect("it is known how to do this");
            let mut rng = fastrand::Rng::with_seed(1);
            let mut compared = 0;
            for _ in 0..3000 {
                let text: String = (0..rng.usize(1..14)).filter_map(|_| rng.choice(&parts).copied()).collect();
                let slow = tokenizer.encode_fast(text.as_str(), false).unwrap();
                if let Some(tokens) = fast.encode(&text, &tokenizer).unwrap() {
                    assert_eq!(tokens.ids, slow.get_ids(), "{text:?}");
                    assert_eq!(tokens.offsets.last().map(|(_, end)| *end), Some(text.len()));
                    compared += 1;
                }
            }
            assert!(compared > 1500, "{compared}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_to_the_tokenizer() {
        for (key, value) in [
            ("/normalizer", json!({ "type": "Lowercase" })),
            ("/model/byte_fallback", json!(true)),
            ("/pre_tokenizer/add_prefix_space", json!(true)),
            ("/added_tokens/0/lstrip", json!(true)),
        ] {
            let mut description = description(None, Value::Null);
            *description.pointer_mut(key).unwrap() = value;
            let tokenizer: Tokenizer = description.to_string().parse().unwrap();
            assert!(Fast::new(&description, &tokenizer).is_none(), "{key}");
        }
    }
}
