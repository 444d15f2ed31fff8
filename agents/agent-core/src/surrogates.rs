//! Lone surrogates in JSON text, which some programs write and no parser accepts.

use std::borrow::Cow;

/// Returns JSON text with `stand_in` for each escaped lone surrogate.
pub fn without_lone_surrogates<'a>(json: &'a str, stand_in: &str) -> Cow<'a, str> {
    if !["\\ud", "\\uD"].iter().any(|start| json.contains(start)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut rest, mut found) = (json, false);
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let (kept, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (None, 12),
            (Some(0xD800..=0xDFFF), _) => (Some(stand_in), 6),
            // An escape is a backslash and the character after it, so that `\\ud800` is no surrogate.
            _ => (None, escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at)),
        };
        let (read, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        found |= kept.is_some();
        out.push_str(kept.unwrap_or(read));
        rest = after;
    }
    out.push_str(rest);
    if found { Cow::Owned(out) } else { Cow::Borrowed(json) }
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
        for (text, expected) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\uDC00\uD800""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude00 \u00e9""#, r#""\ud83d\ude00 \u00e9""#),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\\\ud800""#, r#""\\\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\ud8"#, r#""\ud8"#),
            (r#""\ud800é\"#, r#""\ufffdé\"#),
            ("\"é\\", "\"é\\"),
        ] {
            let found = without_lone_surrogates(text, "\\ufffd");
            assert_eq!(found, expected);
            assert_eq!(matches!(found, Cow::Borrowed(_)), text == expected);
        }
    }
}
