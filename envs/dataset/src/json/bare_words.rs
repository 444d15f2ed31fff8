//! The words that Python writes for numbers that JSON lacks.

use serde::de::DeserializeOwned;

/// The words; pandas writes `NaN` for whatever is missing.
const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Parses JSON in which `NaN`, `Infinity` and `-Infinity` may stand; they become null. Texts that hold such a word are
/// left alone. An error comes with the column in `text`, counted from 1.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (serde_json::Error, usize)> {
    let first = match serde_json::from_str(text) {
        Ok(parsed) => return Ok(parsed),
        Err(err) => err,
    };
    let column = first.column();
    let Some((nulls, longer)) = with_nulls(text) else { return Err((first, column)) };
    serde_json::from_str(&nulls).map_err(|err| {
        let column = err.column() - longer.iter().filter(|at| **at + 1 < err.column()).count();
        (err, column)
    })
}

/// Returns `text` with null in place of each word that stands outside of texts, and where in it a null is one character
/// longer than its word; nothing when there is no word.
fn with_nulls(text: &str) -> Option<(String, Vec<usize>)> {
    let (mut nulls, mut longer) = (String::with_capacity(text.len()), Vec::new());
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, after) = rest.split_at(at);
        nulls.push_str(before);
        let word = WORDS.into_iter().find(|word| after.starts_with(word)).filter(|word| {
            let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
            is_edge(before.chars().next_back()) && is_edge(after.chars().nth(word.len()))
        });
        let taken = match word {
            Some(word) => {
                if word.len() < "null".len() {
                    longer.push(nulls.len());
                }
                nulls.push_str(&format!("{:1$}", "null", word.len()));
                found = true;
                word.len()
            }
            None => {
                let taken = if after.starts_with('"') { quoted(after) } else { 1 };
                nulls.push_str(&after[..taken]);
                taken
            }
        };
        rest = &after[taken..];
    }
    nulls.push_str(rest);
    found.then_some((nulls, longer))
}

/// Returns how many bytes the quoted text at the start of `text` has, its quotes among them.
fn quoted(text: &str) -> usize {
    let mut is_escaped = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::parse;

    #[test]
    fn words_for_numbers_become_null() {
        for (text, expected) in [
            (r#"{"a": NaN, "b":-Infinity,"c":[NaN,Infinity]}"#, json!({"a": null, "b": null, "c": [null, null]})),
            (r#"{"NaN": "NaN, \"NaN\" \\", "b": NaN}"#, json!({"NaN": "NaN, \"NaN\" \\", "b": null})),
            ("NaN", Value::Null),
            (r#"["é NaN", NaN, -1]"#, json!(["é NaN", null, -1])),
        ] {
            assert_eq!(parse::<Value>(text).expect(text), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_said_at_its_column() {
        for (text, column) in [("[NaN, nan]", 8), ("[NaN,NaN x]", 10), ("[-NaN]", 3), ("[NaNs]", 2), ("[1 2]", 4)] {
            let (err, at) = parse::<Value>(text).expect_err(text);
            assert_eq!(at, column, "{text}: {err}");
        }
    }
}
