//! Half characters in JSON that other programs wrote.

/// Returns JSON with `stand_in` for each half of a surrogate pair that stands alone and for each place that is not UTF-8,
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
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => 0,
            // An escape is a backslash and the character after it, so that `\\ud800` is no half character.
            _ => escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at),
        };
        let (kept, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = after;
        if length == 0 {
            found = true;
            out.push(stand_in);
            rest = escape.get(6..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    found.then(|| out.into_bytes())
}

/// Returns the code unit that an escape such as `\ud83d` at the start of a text stands for.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
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
