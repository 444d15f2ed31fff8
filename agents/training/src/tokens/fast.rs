//! Byte-level BPE tokenizers, quicker.
//!
//! The merging stays with the tokenizer itself. What is quicker is all around it: text is cut into words by a table,
//! the tokens of a word are remembered, and nothing is kept of a token but its id and its length. Tokenizers that do
//! anything else than what is known here are left alone.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::anyhow;
use serde_json::Value;
use tokenizers::{Model, Tokenizer};

use super::memory::Memory;
use super::normal::{Changed, given, normal};
use super::words::Words;

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
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    /// The tokens.
    pub ids: Vec<u32>,
    /// What of the text the normalizer changed.
    changed: Vec<Changed>,
}

impl Tokens {
    /// Returns whether one of these stretches of the text begins or ends within what the normalizer changed, so that it
    /// cannot be told which tokens are of it.
    pub(super) fn blur(&self, spans: &[Range<usize>]) -> bool {
        let within = |at: usize| self.changed.iter().any(|one| one.given.start < at && at < one.given.end);
        spans.iter().any(|span| within(span.start) || within(span.end))
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

    /// Returns the tokens of a text; `None` where one of them stands for other bytes than its own.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(super) fn encode(&self, text: &str, tokenizer: &Tokenizer) -> anyhow::Result<Option<Tokens>> {
        let memory = self.memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = memory.unwrap_or_else(|| Memory::new(self.words.cache()));
        let tokens = self.encode_with(text, tokenizer, &mut memory);
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        let tokens = tokens?;
        let length = self.places(&tokens).last().map_or(0, |(_, place)| place.end);
        Ok((length == text.len()).then_some(tokens))
    }

    fn encode_with(&self, text: &str, tokenizer: &Tokenizer, memory: &mut Memory) -> anyhow::Result<Tokens> {
        let mut tokens = Tokens { ids: Vec::with_capacity(text.len() / 3), changed: Vec::new() };
        let mut done = 0;
        if let Some((added, known)) = &self.added {
            for found in added.find_iter(text) {
                self.part(&text[done..found.start()], done, tokenizer, memory, &mut tokens)?;
                tokens.ids.extend(known.get(found.pattern().as_usize()));
                done = found.end();
            }
        }
        self.part(&text[done..], done, tokenizer, memory, &mut tokens)?;
        Ok(tokens)
    }

    /// Adds the tokens of a part of a text that has no added token in it and begins at `given`.
    fn part(
        &self,
        part: &str,
        given: usize,
        tokenizer: &Tokenizer,
        memory: &mut Memory,
        tokens: &mut Tokens,
    ) -> anyhow::Result<()> {
        let Some((normal, changed)) = normal(part, tokenizer) else {
            return self.plain(part, tokenizer, memory, &mut tokens.ids);
        };
        let cut = tokens.changed.last().map_or(given, |last| last.normal.end + (given - last.given.end));
        let moved = |place: Range<usize>, by: usize| place.start + by..place.end + by;
        let changed =
            changed.into_iter().map(|one| Changed { given: moved(one.given, given), normal: moved(one.normal, cut) });
        tokens.changed.extend(changed);
        self.plain(&normal, tokenizer, memory, &mut tokens.ids)
    }

    /// Returns tokens with the bytes of their text that each stands for.
    pub(super) fn places(&self, tokens: &Tokens) -> impl ExactSizeIterator<Item = (u32, Range<usize>)> {
        let (mut end, mut given) = (0, given(&tokens.changed));
        tokens.ids.iter().map(move |id| {
            let start = end;
            end += self.lengths.get(*id as usize).copied().unwrap_or_default() as usize;
            (*id, given(start..end))
        })
    }

    /// Adds the tokens of a text without added tokens.
    fn plain(&self, text: &str, tokenizer: &Tokenizer, memory: &mut Memory, ids: &mut Vec<u32>) -> anyhow::Result<()> {
        let mut at = 0;
        while at < text.len() {
            let end = self.words.end(text, at, &mut memory.cache);
            let word = at..end;
            at = end;
            if memory.recall(text, &word, ids) {
                continue;
            }
            let shown: String = text[word.clone()].bytes().map(|byte| self.letters[byte as usize]).collect();
            let tokens = tokenizer.get_model().tokenize(&shown).map_err(|err| anyhow!("{err}"))?;
            let from = ids.len();
            ids.extend(tokens.iter().map(|token| token.id));
            memory.keep(text, &word, &ids[from..])?;
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
    use serde_json::{Map, json};

    use super::*;
    use crate::tokens::Encoded;

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
            "\u{301}",
            "\u{212a}",
            "\u{1fef}",
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
            let has_normalizer = pattern.is_some();
            let (mut compared, mut changed) = (0, 0);
            for _ in 0..3000 {
                let text: String = (0..rng.usize(1..14)).filter_map(|_| rng.choice(&parts).copied()).collect();
                let slow = tokenizer.encode(text.as_str(), false).unwrap();
                let tokens = fast.encode(&text, &tokenizer).unwrap().expect("all bytes are in the vocabulary");
                assert_eq!(tokens.ids, slow.get_ids(), "{text:?}");
                changed += usize::from(!tokens.changed.is_empty());
                let mut cuts: Vec<usize> = (0..4).map(|_| rng.usize(..=text.len())).collect();
                cuts.retain(|at| text.is_char_boundary(*at));
                cuts.sort_unstable();
                let spans: Vec<Range<usize>> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
                if !tokens.blur(&spans) {
                    let places = slow.get_offsets().iter().map(|(start, end)| *start..*end);
                    let expected = Encoded::new(slow.get_ids().iter().copied().zip(places), &spans);
                    assert_eq!(Encoded::new(fast.places(&tokens), &spans), expected, "{text:?} {spans:?}");
                    compared += 1;
                }
            }
            assert!(compared > 2500, "{compared}");
            assert_eq!(changed > 500, has_normalizer, "{changed}");
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
