//! A list of texts as Python writes it.

/// Returns the texts of a list such as `['a', "it's"]`, as `repr` writes it; `None` when the text is something else.
pub(crate) fn python_list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.or_else(|| text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')))?;
    let mut found = Vec::new();
    let mut rest = inside.trim_start();
    while let Some(quote) = rest.chars().next() {
        if quote != '\'' && quote != '"' {
            return None;
        }
        let (item, after) = quoted(&rest[1..], quote)?;
        found.push(item);
        let after = after.trim_start();
        // Arrays of NumPy are printed without commas.
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    Some(found)
}

/// Reads a text up to its quote, and returns it with what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((item, &text[at + 1..])),
            '\\' => {
                let (_, escaped) = characters.next()?;
                let digits = match escaped {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                if digits == 0 {
                    item.push_str(&plain(escaped));
                    continue;
                }
                let code: String = (0..digits).filter_map(|_| Some(characters.next()?.1)).collect();
                item.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
            }
            _ => item.push(character),
        }
    }
    None
}

/// Returns what an escape stands for; one that Python does not know stands for itself.
fn plain(escaped: char) -> String {
    match escaped {
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        'r' => "\r".to_owned(),
        '\\' | '\'' | '"' => escaped.to_string(),
        other => format!("\\{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::python_list;

    #[test]
    fn lists_of_python_are_read() {
        let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        assert_eq!(python_list(r#"['a[x-1]', "it's", 'b\\c\n\x41']"#), list(&["a[x-1]", "it's", "b\\c\nA"]));
        assert_eq!(python_list("[]"), list(&[]));
        assert_eq!(python_list("['a'\n 'b']"), list(&["a", "b"]));
        assert_eq!(python_list("('a',)"), list(&["a"]));
        for other in ["['a", "[1]", "a", "{'a': 1}", "['a' b]"] {
            assert_eq!(python_list(other), None, "{other}");
        }
    }
}
