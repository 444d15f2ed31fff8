//! Text cut into the words that a byte-level tokenizer takes one by one.
//!
//! Most text is ASCII, and its words end where the kind of a byte changes: a table tells. Where another byte takes part, and
//! for patterns of another form, an automaton finds the end.

use regex_automata::meta::{Cache, Regex};
use regex_automata::{Anchored, Input};
use serde_json::Value;

/// How GPT-2, and the `ByteLevel` of tokenizers after it, cuts text into words.
const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// White space but for the last of it, where a word follows. The automaton knows no looking ahead, so it is done here.
const AHEAD: &str = r"|\s+(?!\S)|\s+";

/// White space up to its last line break.
const BREAKS: &str = r"|\s*[\r\n]+";

/// What cuts text into words.
pub(super) struct Words {
    automaton: Regex,
    /// Whether a run of white space that ends in a line break is a word of its own.
    breaks: bool,
    ascii: Option<Ascii>,
}

impl Words {
    /// Reads the `pre_tokenizer` of a tokenizer's description; `None` where anything is done to text that is not known here.
    pub(super) fn new(pre_tokenizer: &Value) -> Option<Self> {
        let head = pattern(pre_tokenizer)?.strip_suffix(AHEAD)?;
        let automaton = Regex::new(&format!("{head}|\\s+")).ok()?;
        Some(Self { automaton, breaks: head.ends_with(BREAKS), ascii: Ascii::new(head) })
    }

    /// Returns what one thread needs besides.
    pub(super) fn cache(&self) -> Cache {
        self.automaton.create_cache()
    }

    /// Returns where the word that begins at `at` ends.
    pub(super) fn end(&self, text: &str, at: usize, cache: &mut Cache) -> usize {
        let plain = self.ascii.and_then(|ascii| ascii.end(text.as_bytes(), at));
        plain.unwrap_or_else(|| self.end_of_any(text, at, cache))
    }

    fn end_of_any(&self, text: &str, at: usize, cache: &mut Cache) -> usize {
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        let Some(found) = self.automaton.search_half_with(cache, &input) else {
            // No pattern leaves anything out; what none of them takes stands alone.
            return at + text[at..].chars().next().map_or(1, char::len_utf8);
        };
        let end = found.offset();
        let word = &text[at..end];
        let mut letters = word.chars();
        let last = letters.next_back();
        let ends_line = matches!(last, Some('\n' | '\r'));
        // The last of several blanks goes with the word behind it, unless there is none.
        let is_blank = last.is_some_and(char::is_whitespace) && word.chars().all(char::is_whitespace);
        match is_blank && end < text.len() && !(self.breaks && ends_line) && !letters.as_str().is_empty() {
            true => at + letters.as_str().len(),
            false => end,
        }
    }
}

/// Returns the pattern by which words are cut, where nothing else is done before the bytes are taken.
fn pattern(pre_tokenizer: &Value) -> Option<&str> {
    let is_bytes = |step: &Value, cuts: bool| {
        // Words are cut where it is not said.
        let regex = step["use_regex"].as_bool().unwrap_or(true);
        step["type"] == "ByteLevel" && step["add_prefix_space"] == false && regex == cuts
    };
    if is_bytes(pre_tokenizer, true) {
        return Some(BYTE_LEVEL);
    }
    match pre_tokenizer["pretokenizers"].as_array()?.as_slice() {
        [split, bytes] if is_bytes(bytes, false) && split["type"] == "Split" => {
            let is_plain = split["behavior"] == "Isolated" && split["invert"] == false;
            split["pattern"]["Regex"].as_str().filter(|_| is_plain)
        }
        _ => None,
    }
}

/// How words of ASCII are cut by the patterns of GPT-2 (r50k), GPT-4 and Llama 3 (cl100k) and Qwen.
#[derive(Debug, Clone, Copy)]
struct Ascii {
    /// Whether endings such as `'LL` are words too.
    any_case: bool,
    /// Whether any byte but a digit and a line break goes before letters, or a space alone.
    any_before_letters: bool,
    /// How many digits are a word.
    digits: usize,
    /// Whether a space goes before digits.
    space_before_digits: bool,
    /// Whether line breaks go with the signs before them.
    breaks_behind_signs: bool,
    /// Whether white space up to its last line break is a word.
    breaks: bool,
}

/// What a byte is to a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Break,
    Blank,
    /// Whatever else is ASCII.
    Sign,
    /// A part of another character.
    Other,
}

const KINDS: [Kind; 256] = kinds();

const fn kinds() -> [Kind; 256] {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Kind::Letter,
            b'0'..=b'9' => Kind::Digit,
            b'\n' | b'\r' => Kind::Break,
            b'\t' | 0x0b | 0x0c | b' ' => Kind::Blank,
            _ => Kind::Sign,
        };
        byte += 1;
    }
    kinds
}

impl Ascii {
    /// Reads the alternatives of a pattern before its white space; `None` for one that is not known here.
    fn new(head: &str) -> Option<Self> {
        let (any_case, rest) =
            either(head, &[("'s|'t|'re|'ve|'m|'ll|'d", false), ("(?i:'s|'t|'re|'ve|'m|'ll|'d)", true)])?;
        let (any_before_letters, rest) = either(
            rest,
            &[(r"| ?\p{L}+", false), (r"|[^\r\n\p{L}\p{N}]?\p{L}+", true), (r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+", true)],
        )?;
        let ((digits, space_before_digits), rest) =
            either(rest, &[(r"| ?\p{N}+", (usize::MAX, true)), (r"|\p{N}{1,3}", (3, false)), (r"|\p{N}", (1, false))])?;
        let ((), rest) = either(rest, &[(r"| ?[^\s\p{L}\p{N}]+", ()), (r"| ?[^\s\p{L}\p{M}\p{N}]+", ())])?;
        let (breaks_behind_signs, rest) = either(rest, &[(r"[\r\n]*", true), ("", false)])?;
        let (breaks, rest) = either(rest, &[(BREAKS, true), ("", false)])?;
        let known = Self { any_case, any_before_letters, digits, space_before_digits, breaks_behind_signs, breaks };
        rest.is_empty().then_some(known)
    }

    /// Returns where the word that begins at `at` ends; `None` where a byte takes part that is not ASCII.
    #[inline]
    fn end(self, bytes: &[u8], at: usize) -> Option<usize> {
        let first = *bytes.get(at)?;
        match KINDS[usize::from(first)] {
            Kind::Other => None,
            Kind::Letter => run(bytes, at + 1, usize::MAX, Kind::Letter),
            Kind::Digit => run(bytes, at + 1, self.digits - 1, Kind::Digit),
            Kind::Break => self.blanks(bytes, at),
            Kind::Blank | Kind::Sign => self.behind(first, bytes, at),
        }
    }

    /// The end of a word that begins with what may go before another.
    fn behind(self, first: u8, bytes: &[u8], at: usize) -> Option<usize> {
        let next = bytes.get(at + 1).map(|next| KINDS[usize::from(*next)]);
        let is_space = first == b' ';
        match next {
            Some(Kind::Other) => None,
            Some(Kind::Letter)
                if first == b'\''
                    && let Some(end) = self.contraction(bytes, at) =>
            {
                Some(end)
            }
            Some(Kind::Letter) if is_space || self.any_before_letters => run(bytes, at + 2, usize::MAX, Kind::Letter),
            Some(Kind::Digit) if is_space && self.space_before_digits => {
                run(bytes, at + 2, self.digits - 1, Kind::Digit)
            }
            Some(Kind::Sign) if is_space => self.signs(bytes, at + 2),
            _ if KINDS[usize::from(first)] == Kind::Sign => self.signs(bytes, at + 1),
            _ => self.blanks(bytes, at),
        }
    }

    fn contraction(self, bytes: &[u8], at: usize) -> Option<usize> {
        let letter = |place: usize| {
            let byte = bytes.get(at + place).copied().unwrap_or_default();
            if self.any_case { byte.to_ascii_lowercase() } else { byte }
        };
        match (letter(1), letter(2)) {
            (b's' | b't' | b'm' | b'd', _) => Some(at + 2),
            (b'r' | b'v', b'e') | (b'l', b'l') => Some(at + 3),
            _ => None,
        }
    }

    fn signs(self, bytes: &[u8], from: usize) -> Option<usize> {
        let end = run(bytes, from, usize::MAX, Kind::Sign)?;
        if !self.breaks_behind_signs {
            return Some(end);
        }
        let breaks = bytes[end..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        Some(end + breaks)
    }

    fn blanks(self, bytes: &[u8], at: usize) -> Option<usize> {
        let (mut end, mut behind_break) = (at, None);
        for byte in &bytes[at..] {
            match KINDS[usize::from(*byte)] {
                Kind::Blank => end += 1,
                Kind::Break => {
                    end += 1;
                    behind_break = Some(end);
                }
                Kind::Other => return None,
                _ => break,
            }
        }
        let several = end - at > 1 && end < bytes.len();
        Some(behind_break.filter(|_| self.breaks).unwrap_or(if several { end - 1 } else { end }))
    }
}

/// Returns the end of a run of one kind that is `most` bytes long at most; `None` where another character might go on with it.
#[inline]
fn run(bytes: &[u8], from: usize, most: usize, kind: Kind) -> Option<usize> {
    let mut end = from;
    while end - from < most {
        match bytes.get(end).map(|byte| KINDS[usize::from(*byte)]) {
            Some(Kind::Other) => return None,
            Some(one) if one == kind => end += 1,
            _ => break,
        }
    }
    Some(end)
}

/// Returns what the first of the texts means that the rest begins with, and what is behind it.
fn either<'a, T: Copy>(rest: &'a str, texts: &[(&str, T)]) -> Option<(T, &'a str)> {
    texts.iter().find_map(|(text, meaning)| Some((*meaning, rest.strip_prefix(text)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    fn words(pattern: &str) -> Words {
        let split =
            json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
        let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "use_regex": false });
        Words::new(&json!({ "type": "Sequence", "pretokenizers": [split, bytes] })).expect("it is known how to do this")
    }

    #[test]
    fn the_table_cuts_as_the_automaton_does() {
        let parts = [
            "a",
            "Zz",
            "'",
            "'s",
            "'LL",
            "'r",
            "'Ve",
            "\u{17f}",
            "1",
            "23",
            "!",
            "(",
            "_",
            "\0",
            "\u{1c}",
            " ",
            "  ",
            "\t",
            "\x0b",
            "\n",
            "\r",
            "\r\n",
            "\u{85}",
            "\u{a0}",
            "\u{e4}",
            "\u{301}",
            "\u{b2}",
            "\u{4f60}",
            "\u{1f600}",
        ];
        let wide = QWEN.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]");
        let llama = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|");
        for pattern in [BYTE_LEVEL, QWEN, &wide, &llama] {
            let words = words(pattern);
            let ascii = words.ascii.expect("a pattern that is known");
            let (mut cache, mut rng, mut compared) = (words.cache(), fastrand::Rng::with_seed(3), 0);
            for _ in 0..20_000 {
                let text: String = (0..rng.usize(1..12)).filter_map(|_| rng.choice(&parts).copied()).collect();
                for (at, _) in text.char_indices() {
                    if let Some(end) = ascii.end(text.as_bytes(), at) {
                        assert_eq!(end, words.end_of_any(&text, at, &mut cache), "{pattern}: {:?}", &text[at..]);
                        compared += 1;
                    }
                }
            }
            assert!(compared > 50_000, "{compared}");
        }
    }

    #[test]
    fn a_pattern_of_another_form_is_left_to_the_automaton() {
        for other in [r"\w+|\s+(?!\S)|\s+", &QWEN.replace("'d)", "'d|'x)"), &QWEN.replace("|\\p{N}|", "|\\p{N}{1,2}|")]
        {
            assert!(words(other).ascii.is_none(), "{other}");
        }
    }
}
