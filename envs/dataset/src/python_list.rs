//! A list of texts as Python or NumPy writes it.

/// Why a list is not read although it is one.
const MIXED: &str = "a list with commas between some entries only";
const CUT: &str = "a list that NumPy shortened: it has `...` in place of entries";

/// What NumPy 2 writes around a text in a list of Python.
const TEXT: (&str, &str) = ("np.str_(", ")");

/// Returns the texts of a list such as `['a', "it's"]`, as `repr` writes it, or of an array of NumPy, which is printed
/// as `['a' "it's"]` and has the `repr` `array(['a', "it's"], dtype=object)`.
///
/// # Errors
/// What kind of list it is when its entries cannot be determined; nothing when the text is something else.
pub(crate) fn python_list(text: &str) -> Result<Vec<String>, Option<&'static str>> {
    let text = text.trim();
    let array = text.strip_prefix("np.").unwrap_or(text).strip_prefix("array(");
    let (list, is_end): (&str, fn(&str) -> bool) = match array {
        Some(list) => (list.trim_start(), is_end_of_array),
        None => (text, str::is_empty),
    };
    let (inside, end) = match (list.strip_prefix('['), list.strip_prefix('(')) {
        (Some(inside), _) => (inside, ']'),
        (_, Some(inside)) if array.is_none() => (inside, ')'),
        _ => return Err(None),
    };
    let (found, rest) = entries(inside, end)?;
    if is_end(rest) { Ok(found) } else { Err(None) }
}

/// Returns whether this is what follows the list of an array: its type, and a bracket.
fn is_end_of_array(text: &str) -> bool {
    let Some(text) = text.strip_suffix(')') else { return false };
    let of_type = text.trim().strip_prefix(',').and_then(|text| text.trim_start().strip_prefix("dtype="));
    text.trim().is_empty() || of_type.is_some_and(|name| !name.contains([',', '(', ')', '[', ']']))
}

/// Reads the entries up to the end of a list, and returns them with what follows.
fn entries(text: &str, end: char) -> Result<(Vec<String>, &str), Option<&'static str>> {
    let (mut found, mut rest) = (Vec::new(), text.trim_start());
    let (mut commas, mut gaps) = (0, 0);
    loop {
        if let Some(after) = rest.strip_prefix(end) {
            // Python reads texts without a comma between them as one.
            return if commas > 0 && gaps > 0 { Err(Some(MIXED)) } else { Ok((found, after)) };
        }
        if rest.starts_with("...") {
            return Err(Some(CUT));
        }
        let (item, after) = entry(rest).ok_or(None)?;
        found.push(item);
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            commas += 1;
        } else if !rest.starts_with(end) {
            if rest.len() == after.len() {
                return Err(None);
            }
            gaps += 1;
        }
    }
}

/// Reads a text in its quotes, and returns it with what follows.
fn entry(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix(TEXT.0);
    let text = inside.unwrap_or(text);
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let (item, after) = quoted(text.get(1..)?, quote)?;
    Some((item, if inside.is_some() { after.strip_prefix(TEXT.1)? } else { after }))
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

    fn list(items: &[&str]) -> Result<Vec<String>, Option<&'static str>> {
        Ok(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn lists_of_python_are_read() {
        assert_eq!(python_list(r#"['a[x-1]', "it's", 'b\\c\n\x41']"#), list(&["a[x-1]", "it's", "b\\c\nA"]));
        assert_eq!(python_list("[]"), list(&[]));
        assert_eq!(python_list("('a',)"), list(&["a"]));
        assert_eq!(python_list("[np.str_('a'), np.str_('b)')]"), list(&["a", "b)"]));
        for other in
            ["['a", "[1]", "a", "{'a': 1}", "['a' b]", "['a''b']", "['a'] x", "['a',, 'b']", "[,]", "[np.str_('a']"]
        {
            assert_eq!(python_list(other), Err(None), "{other}");
        }
    }

    #[test]
    fn arrays_of_numpy_are_read() {
        assert_eq!(python_list("['a'\n 'b']"), list(&["a", "b"]));
        assert_eq!(python_list(r#"['a' 'b\n c'   "d's"]"#), list(&["a", "b\n c", "d's"]));
        assert_eq!(python_list("array(['a', 'b'], dtype=object)"), list(&["a", "b"]));
        assert_eq!(python_list("array(['a',\n       'b'],\n      dtype='<U1')"), list(&["a", "b"]));
        assert_eq!(python_list("array([], dtype=object)"), list(&[]));
        assert_eq!(python_list("np.array(['a ... b'])"), list(&["a ... b"]));
        assert_eq!(python_list("['a' 'b', 'c']"), Err(Some(super::MIXED)));
        assert_eq!(python_list("['a' ... 'c']"), Err(Some(super::CUT)));
        assert_eq!(python_list("array(['a', ..., 'c'], dtype=object)"), Err(Some(super::CUT)));
        for other in ["array(['a'", "array('a')", "array([['a']])", "array(['a'], 'b')", "[['a' 'b']]", "array(('a',))"]
        {
            assert_eq!(python_list(other), Err(None), "{other}");
        }
    }
}
