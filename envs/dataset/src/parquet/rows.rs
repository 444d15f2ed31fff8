//! Rows from Parquet.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::{Buf, Bytes};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Number, Value};

use crate::columns;
use crate::parquet::{deltas, footer, pages};
use crate::records::record::Record;
use crate::{ColumnNames, DatasetError, Row};

/// Returns the rows of one file, which may be a zstd frame as a whole.
pub(crate) fn read(path: &Path, name: &str, names: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    match frame(path)? {
        Some(bytes) => rows(bytes, name, names),
        None => rows(open(path)?, name, names),
    }
}

fn open(path: &Path) -> Result<File, DatasetError> {
    File::open(path).map_err(|source| DatasetError::Io { path: path.to_owned(), source })
}

/// Returns what a zstd frame holds; nothing for a file that is none.
fn frame(path: &Path) -> Result<Option<Bytes>, DatasetError> {
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    if path.extension().is_none_or(|extension| extension != "zst") {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    zstd::Decoder::new(open(path)?).map_err(io)?.read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(Bytes::from(bytes)))
}

/// Returns the rows in `input`.
pub(crate) fn rows(
    input: impl ChunkReader + 'static,
    name: &str,
    names: &ColumnNames,
) -> Result<Vec<Row>, DatasetError> {
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{name}`"), reason };
    // The reader panics on some damaged files.
    let outcome = catch_unwind(AssertUnwindSafe(|| records(input, name, names)));
    let rows = outcome.unwrap_or_else(|_| Err(malformed("is damaged Parquet".to_owned())))?;
    if rows.is_empty() { Err(malformed("holds no rows".to_owned())) } else { Ok(rows) }
}

/// Calls back with the rows of one file, which may be a zstd frame as a whole, with their numbers from 1.
pub(crate) fn each<E: From<DatasetError>>(
    path: &Path,
    name: &str,
    take: impl FnMut(usize, Record) -> Result<(), E>,
) -> Result<(), E> {
    match frame(path)? {
        Some(bytes) => each_in(bytes, name, take),
        None => each_in(open(path)?, name, take),
    }
}

fn each_in<E: From<DatasetError>>(
    input: impl ChunkReader + 'static,
    name: &str,
    mut take: impl FnMut(usize, Record) -> Result<(), E>,
) -> Result<(), E> {
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{name}`"), reason };
    let broken = |err: parquet::errors::ParquetError| malformed(format!("is not Parquet: {err}"));
    let damaged = || malformed("is damaged Parquet".to_owned());
    // The reader panics on some damaged files.
    let reader = catch_unwind(AssertUnwindSafe(|| checked(input, name))).unwrap_or_else(|_| Err(damaged()))?;
    let mut rows = reader.get_row_iter(None).map_err(broken)?;
    for number in 1.. {
        let row = catch_unwind(AssertUnwindSafe(|| rows.next())).map_err(|_| damaged())?;
        let Some(row) = row else { break };
        take(number, Ok(object(row.map_err(broken)?)))?;
    }
    Ok(())
}

fn records(input: impl ChunkReader + 'static, name: &str, names: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{name}`"), reason };
    let broken = |err: parquet::errors::ParquetError| malformed(format!("is not Parquet: {err}"));
    let reader = checked(input, name)?;
    let (mut rows, mut ids) = (Vec::new(), HashSet::new());
    for record in reader.get_row_iter(None).map_err(broken)? {
        let place = format!("`{name}`, row {}", rows.len() + 1);
        let row = columns::row(object(record.map_err(broken)?), names, &place)?;
        let is_new = ids.insert(row.instance_id.to_lowercase());
        rows.push(row);
        // An id that comes twice is refused later on. A small file may hold a row thousands of millions of times.
        if !is_new {
            break;
        }
    }
    Ok(rows)
}

fn object(row: parquet::record::Row) -> Map<String, Value> {
    row.into_columns().into_iter().map(|(column, field)| (column, value(field))).collect()
}

/// Returns a reader of a file that was looked through for what would take more memory than there is.
fn checked<R: ChunkReader + 'static>(input: R, name: &str) -> Result<SerializedFileReader<R>, DatasetError> {
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{name}`"), reason };
    let broken = |err: parquet::errors::ParquetError| malformed(format!("is not Parquet: {err}"));
    if footer(&input).is_some_and(|footer| !footer::is_plausible(&footer)) {
        return Err(malformed("is damaged Parquet: its footer cannot hold what it claims".to_owned()));
    }
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&input).map_err(broken)?;
    let damaged = |reason: String| malformed(format!("is damaged Parquet: {reason}"));
    let deltas = pages::check(&input, &metadata).map_err(damaged)?;
    let reader = SerializedFileReader::new(input).map_err(broken)?;
    for (group, index) in deltas {
        let column = metadata.row_group(group).column(index);
        let mut pages =
            reader.get_row_group(group).and_then(|group| group.get_column_page_reader(index)).map_err(broken)?;
        let checked = deltas::check(pages.as_mut(), &column.column_descr_ptr());
        checked.map_err(|reason| damaged(format!("{}: {reason}", pages::place(column, group))))?;
    }
    Ok(reader)
}

/// Returns the footer, which is before its own length and the last four bytes; nothing when there is none.
fn footer(input: &impl ChunkReader) -> Option<Bytes> {
    let before = input.len().checked_sub(8)?;
    let length = u64::from(input.get_bytes(before, 4).ok()?.try_get_u32_le().ok()?);
    input.get_bytes(before.checked_sub(length)?, usize::try_from(length).ok()?).ok()
}

/// Returns a field as JSON; kinds that no column of ours has become their own text.
fn value(field: Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::Bool(value),
        Field::Byte(value) => value.into(),
        Field::Short(value) => value.into(),
        Field::Int(value) => value.into(),
        Field::Long(value) => value.into(),
        Field::UByte(value) => value.into(),
        Field::UShort(value) => value.into(),
        Field::UInt(value) => value.into(),
        Field::ULong(value) => value.into(),
        Field::Float(value) => Number::from_f64(f64::from(value)).map_or(Value::Null, Value::Number),
        Field::Double(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
        Field::Str(value) => Value::String(value),
        // Columns without the mark for text hold UTF-8 all the same.
        Field::Bytes(value) => match String::from_utf8(value.data().to_vec()) {
            Ok(text) => Value::String(text),
            Err(_) => Value::Object(Map::new()),
        },
        Field::ListInternal(list) => list.elements().iter().cloned().map(value).collect(),
        Field::Group(group) => group.into_columns().into_iter().map(|(name, field)| (name, value(field))).collect(),
        other => Value::String(other.to_string()),
    }
}
