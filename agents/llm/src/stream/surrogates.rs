//! Half characters in JSON text, which some servers send and no parser takes.

use std::borrow::Cow;

/// Returns JSON text with each escaped half of a surrogate pair that stands alone replaced by U+FFFD.
pub(crate) fn mended(json: &str) -> Cow<'_, str> {
    if !["\\ud", "\\uD"].iter().any(|start| json.contains(start)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (kept, after) = match unit(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) => {
                escape.split_at(12)
            }
            Some(0xD800..=0xDFFF) => ("\\ufffd", &escape[6..]),
            // An escape is a backslash and the character after it, so that `\\ud800` is no half character.
            _ => escape.split_at(1 + escape[1..].chars().next().map_or(0, char::len_utf8)),
        };
        out.push_str(kept);
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the code unit that an escape such as `\ud83d` at the start of a text stands for.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (text, expected) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\uDC00\uD800""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude00 \u00e9""#, r#""\ud83d\ude00 \u00e9""#),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\\\ud800""#, r#""\\\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\ud8"#, r#""\ud8"#),
            ("\"é\\", "\"é\\"),
        ] {
            assert_eq!(mended(text), expected);
        }
    }
}
