//! Where the strings of a JSON text stand.

/// A string of a JSON text.
pub(crate) struct Text<'a> {
    /// The keys that lead to it, from the outermost on; an empty one for each list.
    pub(crate) keys: &'a [&'a str],
    /// The places in the lists on the way, from the outermost on.
    pub(crate) places: &'a [usize],
    /// The string with its quotes, as it is written.
    pub(crate) raw: &'a str,
    /// The line that it is on, counted from 0.
    pub(crate) line: usize,
}

/// What is open around a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    List,
    /// A key whose value is next.
    Key,
}

/// Calls `each` with every string that is a value of a JSON text, in their order. The text has to be valid.
pub(crate) fn strings<'a>(text: &'a str, mut each: impl FnMut(Text<'_>)) {
    let bytes = text.as_bytes();
    let (mut open, mut keys, mut places): (Vec<Open>, Vec<&'a str>, Vec<usize>) = Default::default();
    let (mut at, mut line) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => line += 1,
            b'{' => open.push(Open::Object),
            b'[' => {
                open.push(Open::List);
                keys.push("");
                places.push(0);
            }
            b'}' | b']' | b',' => {
                if open.last() == Some(&Open::Key) {
                    open.pop();
                    keys.pop();
                }
                match (byte, open.last()) {
                    (b',', Some(Open::List)) => places.last_mut().into_iter().for_each(|place| *place += 1),
                    (b',', _) => {}
                    (_, Some(Open::List)) => {
                        open.pop();
                        keys.pop();
                        places.pop();
                    }
                    _ => drop(open.pop()),
                }
            }
            b'"' => {
                let end = end(bytes, at);
                let raw = text.get(at..end).unwrap_or_default();
                if open.last() == Some(&Open::Object) {
                    let key = raw.trim_matches('"');
                    open.push(Open::Key);
                    keys.push(key);
                } else {
                    each(Text { keys: &keys, places: &places, raw, line });
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Returns where the string ends that begins at a quote.
fn end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_with_their_keys_and_lines() {
        let text = "{\"a\": [1, \"x\\\"\", {\"b\": \"y\",\n \"c\": [[], [\"z\"]]}],\n\"d\": \"\"}";
        let mut found = Vec::new();
        strings(text, |text| {
            found.push(format!("{} {:?} {} {}", text.keys.join("."), text.places, text.raw, text.line));
        });
        let expected = ["a. [1] \"x\\\"\" 0", "a..b [2] \"y\" 0", "a..c.. [2, 1, 0] \"z\" 1", "d [] \"\" 2"];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_json_does_no_harm() {
        for text in ["", "]]}}", "\"", "\"\\", "{\"a\": [", "[\"a\" \"b\" }", "{\"a\"\"b\"\"c\"}", &"[".repeat(10_000)]
        {
            strings(text, |_| {});
        }
    }
}
