//! Paths as diffs write them.

/// Returns the path of a `---` or `+++` line: without quotes, and without what follows a tab.
pub(crate) fn parse_path(text: &str) -> String {
    let text = text.trim_end_matches('\r');
    if text.starts_with('"')
        && let Some((path, _)) = unquote(text)
    {
        return path;
    }
    text.split('\t').next().unwrap_or_default().trim_end().to_owned()
}

/// Returns the two paths of a `diff --git` line, when they can be told apart.
pub(crate) fn header_path(text: &str) -> Option<(String, String)> {
    let text = text.trim_end_matches('\r');
    if text.starts_with('"') {
        let (old, rest) = unquote(text)?;
        return Some((old, parse_path(rest.trim_start())));
    }
    // Paths with blanks are not quoted, but without a rename both are the same but for the prefix.
    let same = text.match_indices(' ').find_map(|(at, _)| {
        let (old, new) = (text.get(..at)?, text.get(at + 1..)?);
        let bare = |path: &str| path.split_once('/').map(|(_, rest)| rest.to_owned());
        (old == new || bare(old).is_some() && bare(old) == bare(new)).then(|| (old.to_owned(), new.to_owned()))
    });
    same.or_else(|| text.split_once(' ').map(|(old, new)| (old.to_owned(), parse_path(new))))
}

/// Undoes the quoting of git at the beginning of `text` and returns what comes after it too.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let character = rest.chars().next()?;
        rest = rest.get(character.len_utf8()..)?;
        match character {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), rest)),
            '\\' => {
                let escaped = rest.chars().next()?;
                if let Some(byte) = rest.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
                    bytes.push(byte);
                    rest = rest.get(3..)?;
                    continue;
                }
                rest = rest.get(escaped.len_utf8()..)?;
                let plain = match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    other => other,
                };
                bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
