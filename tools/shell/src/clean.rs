//! Turns the raw output of a command into clean text, as a terminal would show it.
//!
//! Not by `vte`, `anstyle-parse` or `strip-ansi-escapes`: with these, a sequence that never ends swallows all output that
//! follows, and they know neither carriage returns nor backspaces, so that only the smaller half would be theirs.

use crate::capture::Captured;

/// Returns the text of what was captured, with a line that says how much was cut where it was cut.
pub(crate) fn captured(captured: &Captured) -> String {
    if captured.omitted == 0 {
        let whole = [captured.head.as_slice(), captured.tail.as_slice()].concat();
        return plain_text(&whole);
    }
    let (head, tail) = (plain_text(&captured.head), plain_text(&captured.tail));
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{gap}[... {} bytes omitted ...]\n{tail}", captured.omitted)
}

/// Returns `bytes` as text: invalid UTF-8 replaced, escape sequences and control characters removed, carriage returns
/// and backspaces applied to their line.
pub fn plain_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(is_special) {
        return text.into_owned();
    }
    let mut output = String::with_capacity(text.len());
    let mut line = Line::default();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' => line.flush(&mut output),
            '\r' => line.cursor = 0,
            '\u{8}' => line.cursor = line.cursor.saturating_sub(1),
            '\u{1b}' => rest = escape(rest, &mut line),
            '\t' => line.put('\t'),
            letter if letter.is_control() => {}
            letter => line.put(letter),
        }
    }
    output.extend(line.letters);
    output
}

fn is_special(letter: char) -> bool {
    letter.is_control() && letter != '\n' && letter != '\t'
}

/// The line being written, and where the next character goes.
#[derive(Default)]
struct Line {
    letters: Vec<char>,
    cursor: usize,
}

impl Line {
    fn put(&mut self, letter: char) {
        match self.letters.get_mut(self.cursor) {
            Some(place) => *place = letter,
            None => self.letters.push(letter),
        }
        self.cursor += 1;
    }

    /// Applies `ESC [ n K`.
    fn erase(&mut self, how: &str) {
        match how {
            "" | "0" => self.letters.truncate(self.cursor),
            "1" => self.letters.iter_mut().take(self.cursor + 1).for_each(|letter| *letter = ' '),
            "2" => {
                self.letters.clear();
                let cursor = std::mem::take(&mut self.cursor);
                (0..cursor).for_each(|_| self.put(' '));
            }
            _ => {}
        }
    }

    fn flush(&mut self, output: &mut String) {
        output.extend(self.letters.drain(..));
        output.push('\n');
        self.cursor = 0;
    }
}

/// Consumes an escape sequence; one that does not end is dropped only up to the end of its line.
fn escape<'a>(mut rest: std::str::Chars<'a>, line: &mut Line) -> std::str::Chars<'a> {
    match rest.clone().next() {
        Some('[') => {
            rest.next();
            let body = rest.as_str();
            let end = body.find(|letter: char| !(' '..='?').contains(&letter)).unwrap_or(body.len());
            let last = body[end..].chars().next();
            if last == Some('K') {
                line.erase(&body[..end]);
            }
            let skip = last.filter(|letter| ('@'..='~').contains(letter)).map_or(0, char::len_utf8);
            body[end + skip..].chars()
        }
        Some(']' | 'P' | 'X' | '^' | '_') => text_sequence(rest.as_str()),
        Some(' '..='/') => {
            let body = rest.as_str().trim_start_matches(|letter| (' '..='/').contains(&letter));
            let skip = body.chars().next().filter(|letter| ('0'..='~').contains(letter)).map_or(0, char::len_utf8);
            body[skip..].chars()
        }
        Some('0'..='~') => {
            rest.next();
            rest
        }
        _ => rest,
    }
}

/// Consumes a sequence that holds text, such as the title of a window: up to BEL or `ESC \`.
fn text_sequence(body: &str) -> std::str::Chars<'_> {
    let end = body.find(['\u{7}', '\u{1b}', '\u{9c}', '\n']).unwrap_or(body.len());
    let after = &body[end..];
    let skip = match after.chars().next() {
        Some('\u{1b}') if after[1..].starts_with('\\') => 2,
        Some(end @ ('\u{7}' | '\u{9c}')) => end.len_utf8(),
        _ => 0,
    };
    after[skip..].chars()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(plain_text(input.as_bytes()), expected, "{input:?}");
    }

    #[test]
    fn plain_text_stays() {
        check("", "");
        check("a\tb\nc", "a\tb\nc");
        check("grün €\n", "grün €\n");
    }

    #[test]
    fn escape_sequences_go() {
        check("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m", "red and green");
        check("\x1b]0;title\x07text", "text");
        check("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
        check("\x1b(Bx\x1b=y\x1b7z", "xyz");
        check("\x1b[?25lhidden\x1b[?25h", "hidden");
        check("a\x1b", "a");
        check("a\x1b[", "a");
        check("a\x1b[1\nb", "a\nb");
        check("\x1b]never ends\nnext", "\nnext");
        check("\x1bPdata\x1b[31mz", "z");
    }

    #[test]
    fn progress_bars_fold() {
        check("10%\r50%\r100%\n", "100%\n");
        check("loading...\rok\n", "okading...\n");
        check("loading...\r\x1b[Kok\n", "ok\n");
        check("abc\x1b[2Kd\n", "   d\n");
        check("dos\r\nlines\r\n", "dos\nlines\n");
        check("twice\r\r\n", "twice\n");
        check("end\r", "end");
    }

    #[test]
    fn backspaces_overwrite() {
        check("N\x08NA\x08A", "NA");
        check("ab\x08\x08\x08x", "xb");
    }

    #[test]
    fn control_characters_go() {
        check("a\0b\x07c\x0cd\x7fe\u{85}f", "abcdef");
        assert_eq!(plain_text(b"\xff\xfea"), "\u{fffd}\u{fffd}a");
    }

    #[test]
    fn a_cut_is_shown_where_it_is() {
        let cut = |head: &str, tail: &str| captured(&Captured { head: head.into(), tail: tail.into(), omitted: 7 });
        assert_eq!(cut("ab", "cd"), "ab\n[... 7 bytes omitted ...]\ncd");
        assert_eq!(cut("ab\n", "cd"), "ab\n[... 7 bytes omitted ...]\ncd");
        assert_eq!(cut("", ""), "[... 7 bytes omitted ...]\n");
    }
}
