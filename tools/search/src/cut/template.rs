//! Templates of Cython and Python files in the language Tempita, such as `sparse.pyx.in`.
//!
//! What is in two braces is a statement such as `{{for name in names}}`, or a part of the code such as `{{name}}`.
//! Only the text between them is looked at; nothing is filled in.

use std::path::Path;

/// Extensions that say that a file is a template.
const MARKS: [&str; 2] = ["tp", "in"];
/// Extensions of the files that templates are made into.
const MADE: [&str; 5] = ["py", "pyi", "pyx", "pxd", "pxi"];
/// Words with which a statement begins.
const STATEMENTS: [&str; 12] =
    ["py", "for", "endfor", "if", "elif", "else", "endif", "def", "enddef", "default", "inherit", "continue"];
/// Bytes below which what is spelled out of a name is not a name.
const SHORT: usize = 2;

/// Returns the name of the file that a template is made into; `None` for any other file.
pub(crate) fn written(path: &str) -> Option<&str> {
    let (made, mark) = path.rsplit_once('.')?;
    let extension = Path::new(made).extension()?.to_str()?;
    (MARKS.contains(&mark) && MADE.contains(&extension)).then_some(made)
}

/// Returns how the names of templates end, without the first dot.
pub(crate) fn endings() -> impl Iterator<Item = String> {
    MADE.iter().flat_map(|made| MARKS.iter().map(move |mark| format!("{made}.{mark}")))
}

/// Returns the text of a template as that of a plain file, each byte in its place: statements are blank, and every
/// other part is letters. Braces that are not closed stay as they are.
pub(crate) fn masked(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let (mut open, mut at) = (None, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        match (pair, open) {
            (b"{{", _) => open = Some(at),
            (b"}}", Some(start)) => {
                mask(&mut out, start, at + 2);
                open = None;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Masks one part of a template with the braces around it. Line ends stay.
fn mask(out: &mut [u8], start: usize, end: usize) {
    let Some(part) = out.get_mut(start..end) else { return };
    let inner = part.get(2..part.len() - 2).unwrap_or_default();
    let statement = is_statement(inner) || inner.contains(&b'\n');
    for byte in part.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        *byte = match *byte {
            _ if statement => b' ',
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => b'_',
        };
    }
}

fn is_statement(inner: &[u8]) -> bool {
    let inner = inner.trim_ascii();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let word = inner.iter().position(|byte| !is_word(byte)).unwrap_or(inner.len());
    let (word, rest) = inner.split_at(word);
    match std::str::from_utf8(word) {
        Ok("") => rest.is_empty() || rest.starts_with(b"#"),
        Ok("py") => rest.starts_with(b":"),
        Ok("break") => rest.is_empty(),
        Ok(word) => STATEMENTS.contains(&word) && !rest.starts_with(b"."),
        Err(_) => false,
    }
}

/// Returns what a name of a template is found by besides the name itself: what is spelled out of it, as one word and by
/// its longest piece, each with and without underscores around it. Any other name has none.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    if !name.contains("{{") {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("{{") {
        pieces.push(before);
        rest = after.split_once("}}").map_or("", |(_, behind)| behind);
    }
    pieces.push(rest);
    let longest = pieces.iter().max_by_key(|piece| piece.len()).copied().unwrap_or_default();
    let whole = pieces.concat();
    let mut found = Vec::new();
    for spelling in [&whole, longest].into_iter().flat_map(|text: &str| [text, text.trim_matches('_')]) {
        let known = found.iter().any(|other| other == spelling);
        if spelling.trim_matches('_').len() >= SHORT && !known {
            found.push(spelling.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_told_by_their_names() {
        for (path, made) in [
            ("a/b.pyx.tp", Some("a/b.pyx")),
            ("b.pxi.in", Some("b.pxi")),
            ("b.py.in", Some("b.py")),
            ("b.c.in", None),
            ("MANIFEST.in", None),
            ("b.pyx", None),
        ] {
            assert_eq!(written(path), made, "{path}");
        }
    }

    #[test]
    fn statements_are_blank_and_names_are_words() {
        for (text, expected) in [
            ("{{for a in b}}\nx{{a}}(1)\n{{endfor}}", "              \nx__a__(1)\n          "),
            ("{{py:\nx = {'a': 1}\n}}\ny", "     \n            \n  \ny"),
            ("{{ a.b }}y = {{if 'x' == a}}1{{else}}2{{endif}}", "___a_b___y =                1        2         "),
            ("{{# def f(): }}\n{{format}}", "               \n__format__"),
            ("{{a\n{{b}}\n{{c", "{{a\n__b__\n{{c"),
            ("}} {{é}} {{{d}}}", "}} ______ ___d__}"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_found_by_what_is_spelled_out() {
        for (name, expected) in [
            ("plain", vec![]),
            ("{{name}}Vector", vec!["Vector"]),
            ("foo_{{dtype}}", vec!["foo_", "foo"]),
            ("{{a}}Closed{{b}}Node", vec!["ClosedNode", "Closed"]),
            ("to_kh{{name}}_t", vec!["to_kh_t", "to_kh"]),
            ("{{name}}", vec![]),
            ("{{a", vec![]),
        ] {
            assert_eq!(spellings(name), expected, "{name}");
        }
    }
}
