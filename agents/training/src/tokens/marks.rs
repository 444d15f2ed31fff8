//! Where the messages begin in what a chat template shows, from one rendering.
//!
//! A copy of the template writes a mark at the head of each round of its loops over messages. How the marks are used to find
//! what is trained, and what is compared so that nothing is believed of a template that does not hold, stands in `spans`.

use std::fmt::Write;

/// What stands around the number of a round. No text has it: it is set aside for the inside of programs.
const MARK: char = '\u{fdd0}';

/// A conversation as a template shows it, with where its messages begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    /// The text, without marks.
    pub text: String,
    /// Where messages begin in it, from that of number `first` on.
    pub starts: Vec<usize>,
    /// The first message that has a round of its own.
    pub first: usize,
}

impl Marked {
    /// Reads what the marked template made of so many messages; `None` where its last loop did not go through all of them
    /// to the last, one after another.
    pub(super) fn read(marked: &str, messages: usize) -> Option<Self> {
        let (mut text, mut starts) = (String::with_capacity(marked.len()), Vec::with_capacity(messages));
        let mut parts = marked.split(MARK);
        text.push_str(parts.next()?);
        while let Some(number) = parts.next() {
            let number: usize = number.parse().ok()?;
            // A template may look through the messages first, and show them in a later loop.
            if number == 0 {
                starts.clear();
            }
            if number != starts.len() {
                return None;
            }
            starts.push(text.len());
            text.push_str(parts.next()?);
        }
        let first = messages.checked_sub(starts.len()).filter(|_| !starts.is_empty())?;
        Some(Self { text, starts, first })
    }

    /// Returns where a message begins, and where the next one does.
    pub(super) fn place(&self, message: usize) -> Option<(usize, usize)> {
        let number = message.checked_sub(self.first)?;
        let start = *self.starts.get(number)?;
        Some((start, self.starts.get(number + 1).copied().unwrap_or(self.text.len())))
    }
}

/// Returns a template that marks each round of its loops over messages; `None` where it has none.
pub(super) fn marked(source: &str) -> Option<String> {
    let mut out = String::with_capacity(source.len() + 200);
    let (mut rest, mut loops) = (source, 0);
    while let Some(open) = rest.find("{%") {
        let Some(length) = rest[open..].find("%}") else { break };
        let end = open + length + 2;
        let inside = rest[open + 2..end - 2].trim_matches(['-', '+']).trim();
        out.push_str(&rest[..end]);
        let over = inside.strip_prefix("for ").and_then(|inside| inside.split_once(" in "));
        if over.is_some_and(|(_, over)| {
            over.trim_start().split(['[', ' ', '|']).next().is_some_and(|name| name.ends_with("messages"))
        }) {
            loops += 1;
            // The block behind the mark trims what follows as the loop's own tag does.
            let close = if rest[..end].ends_with("-%}") { "-%}" } else { "%}" };
            let _ = write!(out, "{{{{ \"{MARK}\" ~ loop.index0 ~ \"{MARK}\" }}}}{{% if true %}}{{% endif {close}");
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    (loops > 0 && !source.contains(MARK)).then_some(out)
}

/// Returns whether a text could be taken for a mark.
pub(super) fn has_mark(text: &str) -> bool {
    text.contains(MARK)
}

/// Returns the texts in quotes that a template may look for in messages: those with more than letters, digits and blanks.
pub(super) fn looked_for(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        let close = match rest.chars().next() {
            Some('%') => "%}",
            Some('{') => "}}",
            _ => continue,
        };
        let Some(end) = rest.find(close) else { break };
        let mut inside = &rest[..end];
        while let Some(start) = inside.find(['\'', '"']) {
            let quote = char::from(inside.as_bytes()[start]);
            let Some(length) = inside[start + 1..].find(quote) else { break };
            let text = &inside[start + 1..start + 1 + length];
            let is_plain = |c: char| c.is_alphanumeric() || c == ' ' || c == '_';
            if text.len() > 1 && !text.contains('\\') && !text.chars().all(is_plain) {
                found.push(text.to_owned());
            }
            inside = &inside[start + length + 2..];
        }
        rest = &rest[end..];
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_the_last_loop_are_where_messages_begin() {
        let round = |number: usize| format!("{MARK}{number}{MARK}");
        let text = format!("{}{}head {}a {}b", round(0), round(1), round(0), round(1));
        let read = Marked::read(&text, 2).unwrap();
        assert_eq!((read.text.as_str(), read.starts.as_slice(), read.first), ("head a b", [5, 7].as_slice(), 0));
        assert_eq!((read.place(0), read.place(1), read.place(2)), (Some((5, 7)), Some((7, 8)), None));
        // The system message is shown before the loop.
        let read = Marked::read(&format!("head {}a", round(0)), 2).unwrap();
        assert_eq!((read.place(0), read.place(1)), (None, Some((5, 6))));
        for wrong in ["plain".to_owned(), round(1), format!("{}{}", round(0), round(2)), format!("{MARK}x{MARK}")] {
            assert_eq!(Marked::read(&wrong, 3), None, "{wrong:?}");
        }
        assert_eq!(Marked::read(&format!("{}{}", round(0), round(1)), 1), None);
    }

    #[test]
    fn what_a_template_looks_for_is_in_quotes_in_its_tags() {
        let source =
            "{% if '</think>' in m.content and m.role == \"user\" %}'not this'{{ '<|im_start|>' + m.role }}{% endif %}";
        assert_eq!(looked_for(source), ["</think>", "<|im_start|>"]);
    }
}
