//! Lone surrogates in JSON that other programs wrote.

use std::borrow::Cow;

use agent_core::without_lone_surrogates;

/// Returns JSON with `stand_in` for each lone surrogate and for each place that is not UTF-8,
/// neither of which any text can hold; `None` when there is none.
pub(crate) fn without_halves(json: &[u8], stand_in: char) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(json.len());
    let mut found = false;
    for chunk in json.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            found = true;
            text.push(stand_in);
        }
    }
    match without_lone_surrogates(&text, stand_in.encode_utf8(&mut [0; 4])) {
        Cow::Borrowed(_) => found.then(|| text.into_bytes()),
        Cow::Owned(mended) => Some(mended.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (json, expected) in [
            (&br#""a\ud800b""#[..], Some(r#""a?b""#)),
            (br#""\uDC00\uD800""#, Some(r#""??""#)),
            (br#""\ud83d\u0041""#, Some(r#""?\u0041""#)),
            (br#""\\\ud800""#, Some(r#""\\?""#)),
            (b"\"\xff\"", Some(r#""?""#)),
            (br#""\ud83d\ude00 \u00e9""#, None),
            (br#""\\ud800""#, None),
            (br#""\ud8"#, None),
            ("\"é\\".as_bytes(), None),
        ] {
            let found = without_halves(json, '?').map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found.as_deref(), expected);
        }
    }
}
