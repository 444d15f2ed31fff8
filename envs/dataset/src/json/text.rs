//! Rows from JSONL and JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::json::bare_words;
use crate::{ColumnNames, DatasetError, Row, columns};

/// What starts a UTF-8 file made on Windows; it carries no meaning.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the rows of one file, which may be a zstd frame as a whole.
pub(crate) fn read_file(path: &Path, name: &str, names: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    read(open(path)?, name, names)
}

/// Returns a reader of a file, which may be a zstd frame as a whole.
pub(crate) fn open(path: &Path) -> Result<BufReader<Box<dyn Read>>, DatasetError> {
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let reader: Box<dyn Read> = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(zstd::Decoder::new(file).map_err(io)?),
        false => Box::new(file),
    };
    Ok(BufReader::with_capacity(1 << 16, reader))
}

/// Reads rows from `reader`: a list when its first character is `[`, else one object a line.
pub(crate) fn read(mut reader: impl BufRead, name: &str, names: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let place = format!("`{name}`, line {number}");
        let malformed = |reason: String| DatasetError::Malformed { place: place.clone(), reason };
        let read =
            reader.read_until(b'\n', &mut line).map_err(|err| malformed(format!("cannot be read further: {err}")))?;
        if read == 0 {
            break;
        }
        if number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if lines.is_empty() && line.trim_ascii_start().starts_with(b"[") {
            return list(&line, reader, name, names);
        }
        let record = record(&line).map_err(malformed)?;
        lines.push(columns::row(record, names, &place)?);
    }
    match lines.is_empty() {
        true => Err(DatasetError::Malformed { place: format!("`{name}`"), reason: "holds no rows".to_owned() }),
        false => Ok(lines),
    }
}

/// Parses one line.
pub(crate) fn record(line: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(line).map_err(|err| match line.starts_with(b"\xff\xfe") {
        true => "is UTF-16\nhint: save the file as UTF-8".to_owned(),
        false => format!("is not UTF-8 from byte {} on", err.valid_up_to() + 1),
    })?;
    match bare_words::parse(text.trim_ascii_end()) {
        Ok(Value::Object(record)) => Ok(record),
        Ok(_) => Err("is not a JSON object".to_owned()),
        Err((err, _)) if err.is_eof() && !line.ends_with(b"\n") => {
            Err("the file ends in the middle of a row\nhint: was the copy or the download complete?".to_owned())
        }
        Err((err, _)) if err.is_eof() => {
            Err("the row does not end on its line\nhint: one object a line, or a list in brackets".to_owned())
        }
        Err((err, column)) => {
            let reason = err.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
            Err(format!("is not JSON: {reason} at column {column}"))
        }
    }
}

/// Parses a JSON list whose first line was read already.
fn list(first: &[u8], mut rest: impl Read, name: &str, names: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{name}`"), reason };
    let mut bytes = first.to_vec();
    rest.read_to_end(&mut bytes).map_err(|err| malformed(format!("cannot be read further: {err}")))?;
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|err| malformed(format!("is not UTF-8 from byte {} on", err.valid_up_to() + 1)))?;
    let records: Vec<Value> =
        bare_words::parse(text).map_err(|(err, _)| malformed(format!("is not a JSON list: {err}")))?;
    if records.is_empty() {
        return Err(malformed("holds no rows".to_owned()));
    }
    let numbered = (1..).zip(records).map(|(number, record)| (format!("`{name}`, row {number}"), record));
    numbered
        .map(|(place, record)| match record {
            Value::Object(record) => columns::row(record, names, &place),
            _ => Err(DatasetError::Malformed { place, reason: "is not a JSON object".to_owned() }),
        })
        .collect()
}
