//! Text in the form that a tokenizer's normalizer gives it.

use std::ops::Range;

use tokenizers::{NormalizedString, Normalizer, Tokenizer};

/// A stretch of a text that the normalizer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// Its bytes in the text as it was given.
    pub given: Range<usize>,
    /// Its bytes in the text as it is cut into tokens.
    pub normal: Range<usize>,
}

/// Returns a text as NFC has it, and what is changed in it; `None` where that is nothing.
///
/// A character of ASCII may be the first of what is composed, and nothing before it can take part: only such a one with what
/// follows it up to the next is given to the normalizer.
pub(super) fn normal(text: &str, tokenizer: &Tokenizer) -> Option<(String, Vec<Changed>)> {
    let normalizer = tokenizer.get_normalizer().filter(|_| !text.is_ascii())?;
    let (mut made, mut changed, mut done) = (String::new(), Vec::new(), 0);
    let mut at = 0;
    while let Some(first) = position(text, at, |byte| !byte.is_ascii()) {
        let start = first.saturating_sub(1).max(at);
        let end = position(text, first, |byte| byte.is_ascii()).unwrap_or(text.len());
        at = end;
        let mut part = NormalizedString::from(&text[start..end]);
        if normalizer.normalize(&mut part).is_err() || part.get() == &text[start..end] {
            continue;
        }
        made.push_str(&text[done..start]);
        let from = made.len();
        made.push_str(part.get());
        changed.push(Changed { given: start..end, normal: from..made.len() });
        done = end;
    }
    if changed.is_empty() {
        return None;
    }
    made.push_str(&text[done..]);
    Some((made, changed))
}

/// Returns the place of the first such byte from a place on.
fn position(text: &str, from: usize, is_such: impl Fn(u8) -> bool) -> Option<usize> {
    text.as_bytes().get(from..)?.iter().position(|byte| is_such(*byte)).map(|index| from + index)
}

/// Returns the bytes of a text as it was given for stretches of it as it is cut into tokens, which are in the order of the
/// text. All of a changed stretch stands for all that it was.
pub(super) fn given(changed: &[Changed]) -> impl FnMut(Range<usize>) -> Range<usize> {
    // Those before the place that was last asked for, and what is behind them.
    let mut before = 0;
    move |place| {
        while changed.get(before).is_some_and(|one| one.normal.end <= place.start) {
            before += 1;
        }
        let behind = |index: usize| index.checked_sub(1).and_then(|last| changed.get(last));
        let shifted = |at: usize, index: usize| match behind(index) {
            Some(last) => last.given.end + (at - last.normal.end),
            None => at,
        };
        let start = match changed.get(before).filter(|one| one.normal.start <= place.start) {
            Some(one) => one.given.start,
            None => shifted(place.start, before),
        };
        let after =
            before + changed.get(before..).map_or(0, |rest| rest.partition_point(|one| one.normal.end <= place.end));
        let end = match changed.get(after).filter(|one| one.normal.start < place.end) {
            Some(one) => one.given.end,
            None => shifted(place.end, after),
        };
        start..end
    }
}
