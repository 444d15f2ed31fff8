//! The lines of a Cython file, each as far as its brackets continue.

/// A line with those that continue with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The byte at which the first word begins.
    pub(crate) start: usize,
    /// The byte after the last character.
    pub(crate) end: usize,
    /// How far it is indented, a tab to the next multiple of eight.
    pub(crate) indent: usize,
}

/// Returns the text with what is in quotes and comments blank, each byte in its place.
pub(crate) fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'#' => bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length),
            b'"' | b'\'' => quoted(bytes, at),
            _ => {
                at += 1;
                continue;
            }
        };
        for byte in &mut out[at..end] {
            // Line ends stay, so that a text of several lines still has them.
            if *byte != b'\n' {
                *byte = if byte.is_ascii() || *byte >= 0x80 { b' ' } else { *byte };
            }
        }
        // Something stands where a text stood, or a line of nothing else would be blank.
        if byte != b'#' {
            out[at] = b'0';
        }
        at = end;
    }
    String::from_utf8(out).unwrap_or_else(|_| " ".repeat(text.len()))
}

/// Returns where the text in quotes that begins at `start` ends; one of a single line ends there at the latest.
pub(crate) fn quoted(bytes: &[u8], start: usize) -> usize {
    let Some(&quote) = bytes.get(start) else { return bytes.len() };
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if !triple => return at,
            _ if byte == quote && !triple => return at + 1,
            _ if byte == quote && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Returns the lines of a masked text that are not blank.
pub(crate) fn lines(masked: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let (mut depth, mut goes_on, mut at) = (0usize, false, 0);
    for text in masked.split_inclusive('\n') {
        let content = text.trim_end();
        let start = at + content.len() - content.trim_start().len();
        let end = at + content.len();
        at += text.len();
        if content.is_empty() {
            goes_on = goes_on && depth > 0;
            continue;
        }
        // No definition stands in brackets: some bracket before was not closed.
        let defines = ["def ", "cdef ", "cpdef ", "class ", "ctypedef "];
        if depth > 0 && defines.iter().any(|word| content.trim_start().starts_with(word)) {
            (depth, goes_on) = (0, false);
        }
        match lines.last_mut().filter(|_| goes_on) {
            Some(line) => line.end = end,
            None => lines.push(Line { start, end, indent: indent(content) }),
        }
        for byte in content.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        goes_on = depth > 0 || content.ends_with('\\');
    }
    lines
}

fn indent(line: &str) -> usize {
    let blanks = line.chars().take_while(|character| character.is_whitespace());
    blanks.fold(0, |column, blank| if blank == '\t' { (column / 8 + 1) * 8 } else { column + 1 })
}
