//! The bytes of a diff as text.

/// Returns `diff` as text, or the paths of the files in it whose contents are not valid UTF-8.
///
/// A hunk header repeats a line of the file, cut after so many bytes; what the cut left of a character is dropped.
pub(crate) fn decode(diff: Vec<u8>) -> Result<String, Vec<Vec<u8>>> {
    let diff = match String::from_utf8(diff) {
        Ok(text) => return Ok(text),
        Err(err) => err.into_bytes(),
    };
    let mut text = String::with_capacity(diff.len());
    let mut invalid: Vec<Vec<u8>> = Vec::new();
    let mut path = Vec::new();
    let mut in_header = false;
    for line in diff.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"diff --git ") {
            in_header = true;
        } else if line.starts_with(b"@@ ") {
            in_header = false;
        } else if in_header && let Some(named) = path_of(line) {
            path = named;
        }
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(err) if line.starts_with(b"@@ ") => {
                text.push_str(&String::from_utf8_lossy(line.get(..err.valid_up_to()).unwrap_or_default()));
                text.push('\n');
            }
            Err(_) if invalid.last() == Some(&path) => {}
            Err(_) => invalid.push(path.clone()),
        }
    }
    if invalid.is_empty() { Ok(text) } else { Err(invalid) }
}

/// Returns a line of an attributes file's pattern that matches `path` and nothing else.
pub(crate) fn attribute_pattern(path: &[u8]) -> String {
    let mut pattern = String::from("\"/");
    for &byte in path {
        match byte {
            b'*' | b'?' | b'[' => pattern.push_str(&format!("\\\\{}", char::from(byte))),
            b'\\' => pattern.push_str(r"\\\\"),
            b'"' => pattern.push_str("\\\""),
            b' '..=b'~' => pattern.push(char::from(byte)),
            _ => pattern.push_str(&format!("\\{byte:03o}")),
        }
    }
    pattern + "\""
}

/// Returns the path in a `---` or `+++` line, without its prefix `a/` or `b/`.
fn path_of(line: &[u8]) -> Option<Vec<u8>> {
    let name = line.strip_prefix(b"--- ").or_else(|| line.strip_prefix(b"+++ "))?;
    let name = name.strip_suffix(b"\n").unwrap_or(name);
    // Git ends a name that has a blank with a tab.
    let name = name.strip_suffix(b"\t").unwrap_or(name);
    let name = match name.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        Some(quoted) => unquote(quoted),
        None => name.to_vec(),
    };
    name.strip_prefix(b"a/").or_else(|| name.strip_prefix(b"b/")).map(<[u8]>::to_vec)
}

/// Undoes git's C-style quoting.
pub(crate) fn unquote(quoted: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        name.push(match escaped {
            None => byte,
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'v') => 11,
            Some(b'f') => 12,
            Some(b'r') => b'\r',
            Some(first @ b'0'..=b'3') => {
                let rest = [bytes.next(), bytes.next()].into_iter().flatten();
                rest.fold(first - b'0', |value, digit| (value << 3) | (digit & 7))
            }
            Some(other) => other,
        });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hunk_header_cut_inside_a_character_is_mended() {
        let diff = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@ def caf\xc3\n-a\n+\xc3\xa9\n".to_vec();
        let text = decode(diff).expect("only the header is cut");
        assert_eq!(text, "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@ def caf\n-a\n+é\n");
    }

    #[test]
    fn invalid_files_are_named_once_whatever_their_hunks_look_like() {
        let diff = b"diff --git a/o k b/o k\n--- a/o k\t\n+++ b/o k\t\n@@ -1 +1 @@\n--- a/not\n+\xe9\n+\xe9\n\
            diff --git \"a/\\303\\251\\n\" \"b/\\303\\251\\n\"\n--- /dev/null\n+++ \"b/\\303\\251\\n\"\n@@ -0,0 +1 @@\n+\xff\n";
        assert_eq!(decode(diff.to_vec()), Err(vec![b"o k".to_vec(), "é\n".as_bytes().to_vec()]));
    }

    #[test]
    fn patterns_quote_what_git_would_read() {
        assert_eq!(attribute_pattern(b"a b/*.[x]?\\\"\xe9\n"), r#""/a b/\\*.\\[x]\\?\\\\\"\351\012""#);
    }
}
