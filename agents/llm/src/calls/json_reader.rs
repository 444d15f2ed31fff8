//! Reads JSON as models write it. Pure functions.
//!
//! What is JSON is read as JSON. Else these are forgiven: line breaks and tabs inside strings, a comma after the last
//! item, `True`, `False` and `None`, single quotes, keys without quotes, and backslashes that escape nothing.

use serde::Serialize;
use serde_json::{Map, Value};

/// Levels that values may be nested; the same as those of `serde_json`.
const DEPTH: usize = 128;

/// Where, and why, a value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    /// Offset of what is wrong.
    pub(crate) at: usize,
    /// Offset up to which was read.
    pub(crate) reached: usize,
}

/// Why a JSON object cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The text ends in the middle of an object or a list.
    NotClosed,
    /// A string has no end.
    StringNotClosed,
    /// A key should stand there.
    NoKey,
    /// A colon should stand there.
    NoColon,
    /// A comma, or the end of the object or list, should stand there.
    NoComma,
    /// A value should stand there.
    NoValue,
    /// Values are nested too deeply.
    TooDeep,
}

/// Reads the object that opens at `start`, and returns where it ends.
pub(crate) fn read_object(text: &str, start: usize) -> Result<(Map<String, Value>, usize), Fault> {
    let mut strict = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Map<String, Value>>();
    if let Some(Ok(object)) = strict.next() {
        return Ok((object, start + strict.byte_offset()));
    }
    let mut reader = Reader { text, at: start };
    match reader.object(DEPTH) {
        Ok(object) => Ok((object, reader.at)),
        Err((problem, at)) => Err(Fault { problem, at, reached: reader.at }),
    }
}

/// What is wrong, and where.
type Wrong = (Problem, usize);

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Skips blanks, and returns what comes then.
    fn peek(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn object(&mut self, depth: usize) -> Result<Map<String, Value>, Wrong> {
        let opening = self.at;
        self.at += 1;
        let mut fields = Map::new();
        loop {
            match self.peek() {
                Some('}') => break,
                Some(_) => {}
                None => return Err((Problem::NotClosed, opening)),
            }
            let key = self.key()?;
            match self.peek() {
                Some(':') => self.at += 1,
                Some(_) => return Err((Problem::NoColon, self.at)),
                None => return Err((Problem::NotClosed, opening)),
            }
            let value = self.value(depth, opening)?;
            fields.insert(key, value);
            self.comma('}', opening)?;
        }
        self.at += 1;
        Ok(fields)
    }

    fn array(&mut self, depth: usize) -> Result<Value, Wrong> {
        let opening = self.at;
        self.at += 1;
        let mut items = Vec::new();
        while self.peek() != Some(']') {
            items.push(self.value(depth, opening)?);
            self.comma(']', opening)?;
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    /// Skips the comma after an item; without one, the end must come.
    fn comma(&mut self, closing: char, opening: usize) -> Result<(), Wrong> {
        match self.peek() {
            Some(',') => self.at += 1,
            Some(next) if next == closing => {}
            Some(_) => return Err((Problem::NoComma, self.at)),
            None => return Err((Problem::NotClosed, opening)),
        }
        Ok(())
    }

    fn value(&mut self, depth: usize, opening: usize) -> Result<Value, Wrong> {
        let next = self.peek().ok_or((Problem::NotClosed, opening))?;
        match (next, depth.checked_sub(1)) {
            ('{' | '[', None) => Err((Problem::TooDeep, self.at)),
            ('{', Some(depth)) => self.object(depth).map(Value::Object),
            ('[', Some(depth)) => self.array(depth),
            ('"' | '\'', _) => self.string(next).map(Value::String),
            _ => self.word(),
        }
    }

    /// Reads a number, or the name of a value.
    fn word(&mut self) -> Result<Value, Wrong> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
        let word = self.rest().split(|c| !is_part(c)).next().unwrap_or_default();
        let value = match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ => serde_json::from_str(word).ok(),
        };
        let end = self.at + word.len();
        let problem = if end == self.text.len() { Problem::NotClosed } else { Problem::NoValue };
        let value = value.ok_or((problem, self.at))?;
        self.at = end;
        Ok(value)
    }

    fn key(&mut self) -> Result<String, Wrong> {
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.string(quote);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
        let key = self.rest().split(|c| !is_part(c)).next().unwrap_or_default().to_owned();
        if key.is_empty() {
            return Err((Problem::NoKey, self.at));
        }
        self.at += key.len();
        Ok(key)
    }

    /// Reads a string up to the `quote` that it opens with.
    fn string(&mut self, quote: char) -> Result<String, Wrong> {
        let opening = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(run) = self.rest().find([quote, '\\']) else {
                self.at = self.text.len();
                return Err((Problem::StringNotClosed, opening));
            };
            value.push_str(&self.rest()[..run]);
            self.at += run + 1;
            if self.text.as_bytes().get(self.at - 1) != Some(&b'\\') {
                return Ok(value);
            }
            self.escape(&mut value);
        }
    }

    /// Reads what is behind a backslash. One that escapes nothing was meant as it stands, as in `\d`.
    fn escape(&mut self, value: &mut String) {
        let meant = match self.rest().chars().next() {
            Some(same @ ('"' | '\'' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') if self.unit(self.at + 1).is_some() => return self.units(value),
            _ => return value.push('\\'),
        };
        self.at += 1;
        value.push(meant);
    }

    /// Reads a character written as one UTF-16 unit or two; half of a pair becomes the replacement character.
    fn units(&mut self, value: &mut String) {
        let first = self.unit(self.at + 1);
        let follows = self.text[self.at + 5..].starts_with("\\u");
        let second = follows.then(|| self.unit(self.at + 7)).flatten();
        let both = first.into_iter().chain(second);
        let one = char::decode_utf16(both).next().and_then(Result::ok);
        self.at += if one.is_some_and(|c| c.len_utf16() == 2) { 11 } else { 5 };
        value.push(one.unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    }
}
