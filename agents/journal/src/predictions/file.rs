//! Predictions as files hold them: our own, the official harness's, mini-swe-agent's, SWE-agent's and OpenHands'.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize as Parse;
use serde::de::IgnoredAny;

use super::prediction::Prediction;
use super::row::prediction;
use super::rows::{Raw, split_list, split_object};
use grading::skip_mark;

/// Returns the predictions of a file with their lines.
pub(crate) fn of_file(path: &Path) -> anyhow::Result<Vec<(usize, Prediction)>> {
    match form(path)? {
        Form::Lines => Lines::open(path)?.numbered().collect(),
        Form::List => rows(split_list(&whole(path)?)?),
        Form::Keyed => rows(split_object(&whole(path)?)?),
    }
}

/// How a file holds its predictions.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    List,
    Keyed,
    Lines,
}

/// Looks no further into a file than to the end of its first value.
fn form(path: &Path) -> anyhow::Result<Form> {
    #[derive(Parse)]
    struct First {
        instance_id: Option<IgnoredAny>,
    }
    let cannot = || "the file cannot be read";
    let mut reader = BufReader::new(File::open(path).with_context(cannot)?);
    skip_mark(&mut reader)?;
    if first_byte(&mut reader).with_context(cannot)? == Some(b'[') {
        return Ok(Form::List);
    }
    let begin = reader.stream_position().with_context(cannot)?;
    let mut values = serde_json::Deserializer::from_reader(&mut reader).into_iter::<First>();
    let first = values.next();
    let end = begin + values.byte_offset() as u64;
    drop(values);
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    match first {
        Some(Ok(First { instance_id: None })) => {}
        // Only a whole file can tell where it is damaged.
        Some(Err(err)) if is_json && err.line() > 1 => return Ok(Form::Keyed),
        _ => return Ok(Form::Lines),
    }
    reader.seek(SeekFrom::Start(end)).with_context(cannot)?;
    let alone = first_byte(&mut reader).with_context(cannot)?.is_none();
    Ok(if alone && is_json { Form::Keyed } else { Form::Lines })
}

/// Skips blanks and returns the byte after them, which is not taken.
fn first_byte(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let found = buffer.get(blanks).copied();
        reader.consume(blanks);
        if found.is_some() {
            return Ok(found);
        }
    }
}

/// Returns the contents of a file that is one value.
fn whole(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut reader = BufReader::new(File::open(path).context("the file cannot be read")?);
    skip_mark(&mut reader)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).context("the file cannot be read")?;
    Ok(bytes)
}

/// Returns the predictions of the rows of a list or an object, each with its line.
fn rows(rows: Vec<Raw<'_>>) -> anyhow::Result<Vec<(usize, Prediction)>> {
    let read = |raw: Raw<'_>| {
        let read = prediction(raw.json, raw.key.as_deref(), raw.line);
        Ok((raw.line, read.with_context(|| format!("line {}", raw.line))?))
    };
    rows.into_iter().map(read).collect()
}

/// The predictions of a file with one a line, read as they are asked for.
pub(crate) struct Lines<R> {
    reader: R,
    number: usize,
    may_be_torn: bool,
}

impl Lines<BufReader<File>> {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read predictions `{}`", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(cannot)?);
        skip_mark(&mut reader).with_context(cannot)?;
        Ok(Self::new(reader))
    }
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, number: 0, may_be_torn: false }
    }

    /// Returns the same without a last line that is torn, as a killed process leaves one.
    pub(crate) fn torn(self) -> Self {
        Self { may_be_torn: true, ..self }
    }

    /// Returns the predictions with the numbers of their lines.
    pub(crate) fn numbered(mut self) -> impl Iterator<Item = anyhow::Result<(usize, Prediction)>> {
        std::iter::from_fn(move || {
            let next = self.next()?;
            Some(next.map(|prediction| (self.number, prediction)))
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = anyhow::Result<Prediction>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.number += 1;
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => break,
                Err(err) => return Some(Err(err.into())),
            }
        }
        let read = prediction(&line, None, self.number);
        if read.is_err() && self.may_be_torn && !line.ends_with(b"\n") {
            return None;
        }
        Some(read.with_context(|| format!("line {}", self.number)))
    }
}
