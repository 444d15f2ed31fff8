//! Reads the objects of a file one by one.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use crate::DatasetError;
use crate::json::{bare_words, text};
use crate::parquet::rows;
use crate::records::record::Record;

/// Hands out the objects of a `.jsonl`, `.json` or `.parquet` file, each also as `.zst`, with the number of the line or
/// row, from 1. A JSON file holds one object a line, a list of objects, or one object over many lines, which is told by
/// what is in it and not by its name; but for the last two no more than one object is held at a time.
///
/// An object that does not parse is handed out as what is wrong with it, and reading continues after it.
///
/// # Errors
/// When the file cannot be opened, cannot be read on, or is no Parquet; and the first error of `take`.
pub fn each_record<E: From<DatasetError>>(
    path: &Path,
    mut take: impl FnMut(usize, Record) -> Result<(), E>,
) -> Result<(), E> {
    let stem = path.to_string_lossy();
    if stem.strip_suffix(".zst").unwrap_or(&stem).ends_with(".parquet") {
        return rows::each(path, &path.display().to_string(), take);
    }
    let mut reader = text::open(path)?;
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|err| broken_off(path, number + 1, &err))?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if number == 1 && line.starts_with(text::BYTE_ORDER_MARK) {
            line.drain(..text::BYTE_ORDER_MARK.len());
        }
        let trimmed = line.trim_ascii();
        match trimmed {
            [] => {}
            [b'[', ..] if number == 1 => return document(line, reader, path, take),
            // The first line of an object that goes over many.
            [b'{'] if number == 1 => return document(line, reader, path, take),
            _ => take(number, text::record(&line))?,
        }
    }
}

/// Hands out the objects of a file that is one JSON value, of which the first line was read already.
fn document<E: From<DatasetError>>(
    mut bytes: Vec<u8>,
    mut rest: BufReader<Box<dyn Read>>,
    path: &Path,
    mut take: impl FnMut(usize, Record) -> Result<(), E>,
) -> Result<(), E> {
    rest.read_to_end(&mut bytes).map_err(|err| broken_off(path, 1, &err))?;
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{}`", path.display()), reason };
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|err| malformed(format!("is not UTF-8 from byte {} on", err.valid_up_to() + 1)))?;
    match bare_words::parse(text).map_err(|(err, _)| malformed(format!("is not JSON: {err}")))? {
        Value::Array(records) => (1..).zip(records).try_for_each(|(number, record)| match record {
            Value::Object(record) => take(number, Ok(record)),
            _ => take(number, Err("is not a JSON object".to_owned())),
        }),
        Value::Object(record) => take(1, Ok(record)),
        _ => Err(malformed("is neither a JSON object nor a list of such".to_owned()).into()),
    }
}

fn broken_off(path: &Path, line: usize, err: &std::io::Error) -> DatasetError {
    let place = format!("`{}`, line {line}", path.display());
    DatasetError::Malformed { place, reason: format!("cannot be read further: {err}") }
}
