//! The rows of a JSON list or of an object of them, each with the line that it begins on.

use std::borrow::Cow;

use anyhow::{Context, bail};
use serde::de::{Deserialize, IgnoredAny};

use crate::predictions::halves::without_halves;

/// A row that is not parsed yet.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    /// The line that it begins on, from 1 on.
    pub line: usize,
    /// Its key, in an object.
    pub key: Option<String>,
    /// Its text.
    pub json: &'a [u8],
}

/// Returns the rows of a list.
///
/// # Errors
/// Names the line from which on it is not a list.
pub(crate) fn split_list(json: &[u8]) -> anyhow::Result<Vec<Raw<'_>>> {
    split(json, (b'[', b']'), false)
}

/// Returns the rows of an object, in their order and with every key that is there twice.
///
/// # Errors
/// Names the line from which on it is not an object.
pub(crate) fn split_object(json: &[u8]) -> anyhow::Result<Vec<Raw<'_>>> {
    split(json, (b'{', b'}'), true)
}

fn split(json: &[u8], (begin, end): (u8, u8), is_keyed: bool) -> anyhow::Result<Vec<Raw<'_>>> {
    let mut cursor = Cursor { json, at: 0, line: 1 };
    let mut rows = Vec::new();
    cursor.expect(begin)?;
    if cursor.take(end) {
        return cursor.end(rows);
    }
    loop {
        cursor.skip_blanks();
        let line = cursor.line;
        let key = if is_keyed { Some(cursor.key()?) } else { None };
        rows.push(Raw { line, key, json: cursor.value()? });
        if cursor.take(end) {
            return cursor.end(rows);
        }
        cursor.expect(b',')?;
    }
}

/// A place in a text.
struct Cursor<'a> {
    json: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// Goes on by `count` bytes and returns them.
    fn step(&mut self, count: usize) -> &'a [u8] {
        let (passed, _) = self.rest().split_at_checked(count).unwrap_or((self.rest(), &[]));
        self.at += passed.len();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        passed
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.step(blanks);
    }

    /// Takes a byte, after blanks, if it is there.
    fn take(&mut self, wanted: u8) -> bool {
        self.skip_blanks();
        let is_there = self.rest().first() == Some(&wanted);
        if is_there {
            self.step(1);
        }
        is_there
    }

    fn expect(&mut self, wanted: u8) -> anyhow::Result<()> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = match self.rest().first() {
            Some(byte) => format!("there is `{}`", char::from(*byte)),
            None => "the file ends".to_owned(),
        };
        bail!("line {}: {found} where `{}` is expected", self.line, char::from(wanted))
    }

    /// Takes a value and returns its text.
    fn value(&mut self) -> anyhow::Result<&'a [u8]> {
        self.skip_blanks();
        let mut values = serde_json::Deserializer::from_slice(self.rest()).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => Ok(self.step(values.byte_offset())),
            Some(Err(err)) => {
                let line = self.line + err.line().saturating_sub(1);
                let why = err.to_string();
                let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
                bail!("line {line}: {why} at column {}", err.column())
            }
            None => bail!("line {}: the file ends where a row is expected", self.line),
        }
    }

    fn key(&mut self) -> anyhow::Result<String> {
        let line = self.line;
        let json = self.value()?;
        let mended = without_halves(json, '\u{fffd}').map_or(Cow::Borrowed(json), Cow::Owned);
        let mut deserializer = serde_json::Deserializer::from_slice(&mended);
        let key = String::deserialize(&mut deserializer).with_context(|| format!("line {line}: this is not a key"))?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Returns the rows if nothing is after them.
    fn end(mut self, rows: Vec<Raw<'a>>) -> anyhow::Result<Vec<Raw<'a>>> {
        self.skip_blanks();
        if !self.rest().is_empty() {
            bail!("line {}: there is more after the end", self.line);
        }
        Ok(rows)
    }
}
