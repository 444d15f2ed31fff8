//! What an answer in JSON is made of: objects, and values between tags. Pure functions.
//!
//! The text is read from its beginning, so that a tag inside a string of an object is part of the string, and a brace
//! between two tags part of the value. The work grows with the length of the text, whatever stands in it.

use serde_json::{Map, Value};

use crate::calls::json_reader::{Fault, read_object};

/// Bytes that may be read in vain beyond as many as there are.
const SLACK: usize = 1 << 16;

/// What was found, in order.
#[derive(Debug, Default)]
pub(crate) struct Pieces<'a> {
    pub(crate) objects: Vec<Object>,
    pub(crate) tags: Vec<Tag<'a>>,
    /// An object that cannot be read, the first that begins a line before all others.
    pub(crate) broken: Option<Broken>,
    /// A tag that is not closed although others follow.
    pub(crate) unclosed: Option<&'a str>,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it begins a line.
    pub(crate) begins_line: bool,
    pub(crate) fields: Map<String, Value>,
}

/// A value between tags.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// False where the text ended before the closing tag.
    pub(crate) closed: bool,
}

/// An object that cannot be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken {
    pub(crate) fault: Fault,
    /// Whether it was meant as one: it begins a line.
    pub(crate) begins_line: bool,
}

/// Finds the pieces of a text; only tags of these names count.
pub(crate) fn pieces<'a>(text: &'a str, names: &[&'a str]) -> Pieces<'a> {
    let closings = names.iter().map(|name| last_closing(text, name)).collect();
    let mut scan = Scan { text, names, closings, found: Pieces::default(), effort: 0 };
    let mut at = 0;
    while let Some(start) = scan.next(at) {
        at = if text[start..].starts_with('{') { scan.object(start) } else { scan.tag(start) };
    }
    scan.found
}

struct Scan<'a, 'b> {
    text: &'a str,
    names: &'b [&'a str],
    /// For each name its last closing tag: where it begins and ends.
    closings: Vec<Option<(usize, usize)>>,
    found: Pieces<'a>,
    /// Bytes read in vain.
    effort: usize,
}

impl<'a> Scan<'a, '_> {
    /// Returns where the next object or tag may open.
    fn next(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let starts_line = |at: usize| at.checked_sub(1).is_none_or(|before| bytes.get(before) == Some(&b'\n'));
        let mut rest = bytes.iter().enumerate().skip(from);
        rest.find(|(at, byte)| **byte == b'{' || (**byte == b'<' && starts_line(*at))).map(|(at, _)| at)
    }

    /// Reads an object, and returns where to continue.
    fn object(&mut self, start: usize) -> usize {
        let inside = self.text[start + 1..].trim_start();
        let has_key = inside.starts_with(['"', '\'']);
        if !has_key && !inside.starts_with(|c: char| c == '}' || c == '_' || c.is_alphabetic()) {
            return start + 1;
        }
        let fault = match read_object(self.text, start) {
            Ok((fields, end)) => {
                self.found.objects.push(Object { start, end, begins_line: begins_line(self.text, start), fields });
                return end;
            }
            Err(fault) => fault,
        };
        self.effort += fault.reached - start;
        let begins_line = has_key && begins_line(self.text, start);
        if has_key && self.found.broken.is_none_or(|known| begins_line && !known.begins_line) {
            self.found.broken = Some(Broken { fault, begins_line });
        }
        // What is inside of a broken object is none of its own; and nothing may be read over and over again.
        let whole = fault.reached.max(start + 1);
        if self.effort > self.text.len() + SLACK {
            return whole;
        }
        let next = self.text[start + 1..whole].find("\n{").map_or(whole, |index| start + 2 + index);
        if begins_line { next } else { start + 1 }
    }

    /// Reads a value between tags, and returns where to continue.
    fn tag(&mut self, start: usize) -> usize {
        let rest = &self.text[start + 1..];
        let opens = |name: &&str| rest.strip_prefix(*name).is_some_and(|after| after.starts_with('>'));
        let Some(index) = self.names.iter().position(opens) else {
            return start + 1;
        };
        let name = self.names[index];
        if self.found.tags.iter().any(|tag| tag.name == name) {
            return start + 1;
        }
        let from = start + name.len() + 2;
        let (value_end, end, closed) = match self.closings.get(index).copied().flatten() {
            Some((value_end, end)) if value_end >= from => (value_end, end, true),
            _ if self.is_last(index, from) => (self.text.len(), self.text.len(), false),
            _ => return start + 1,
        };
        let value = unframed(&self.text[from..value_end]);
        self.found.tags.push(Tag { name, value, start, end, closed });
        end
    }

    /// Returns whether a tag that is not closed can be the last: it stands alone on its line, or nothing stands below,
    /// and no other opens after it.
    fn is_last(&mut self, index: usize, from: usize) -> bool {
        let rest = &self.text[from..];
        let line = rest.split('\n').next().unwrap_or_default();
        if self.found.unclosed.is_some() || (!line.trim().is_empty() && line.len() < rest.len()) {
            return false;
        }
        let others = self.names.iter().enumerate().filter(|(other, _)| *other != index);
        if others.into_iter().any(|(_, name)| rest.contains(&format!("\n<{name}>"))) {
            self.found.unclosed = Some(self.names[index]);
            return false;
        }
        true
    }
}

/// Returns the last closing tag that begins or ends a line; a stop word may have taken its end.
fn last_closing(text: &str, name: &str) -> Option<(usize, usize)> {
    let text_end = text.trim_end().len();
    let tag = format!("</{name}");
    text.rmatch_indices(&tag).find_map(|(at, _)| {
        let end = at + tag.len();
        if end == text_end {
            return Some((at, text.len()));
        }
        let after = text[end..].strip_prefix('>')?;
        let ends_line = end + 1 >= text_end || after.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        (ends_line || begins_line(text, at)).then_some((at, end + 1))
    })
}

/// Returns whether only blanks stand before `at` on its line.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with('\n')
}

/// Returns a value without the line breaks that put it on lines of its own, and without the closing tag's indentation.
fn unframed(raw: &str) -> &str {
    let is_blank = |line: &str| line.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
    let crlf = raw.starts_with("\r\n");
    let value = raw.strip_prefix('\r').filter(|_| crlf).unwrap_or(raw);
    let framed = value.starts_with('\n');
    let value = value.strip_prefix('\n').unwrap_or(value);
    match value.rsplit_once('\n') {
        Some((value, last)) if is_blank(last) => value.strip_suffix('\r').filter(|_| crlf).unwrap_or(value),
        None if framed && is_blank(value) => "",
        _ => value,
    }
}
