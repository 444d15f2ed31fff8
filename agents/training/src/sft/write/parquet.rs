//! Rows as Parquet.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::{Value, json};

use super::json::Put;
use super::shape::{Shape, columns};
use crate::sft::Settings;

/// About how many bytes of rows make a row group, and so are held at a time.
const GROUP: usize = 64 << 20;

/// Writes rows and returns how many.
pub(super) fn write(
    each: impl FnOnce(Put<'_>) -> anyhow::Result<()>,
    settings: &Settings,
    file: &mut (impl Write + Send),
) -> anyhow::Result<usize> {
    let root = Shape::Struct(columns(settings));
    let Shape::Struct(fields) = &root else { return Ok(0) };
    let schema = Type::group_type_builder("schema").with_fields(types(fields)?).build()?;
    let features = KeyValue::new("huggingface".to_owned(), features(fields).to_string());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("spotter {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![features]));
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?;
    let (mut leaves, mut rows, mut held) = (Vec::new(), 0, 0);
    fields.iter().for_each(|(_, shape)| Leaf::of(shape, 0, 0, &mut leaves));
    each(&mut |piece| {
        let row: Value = serde_json::from_slice(piece).context("a row is no JSON")?;
        if let Some(unknown) = unknown(&row, &root) {
            bail!("a row has `{unknown}`, which is no column of `{}`", settings.target.name());
        }
        shred_fields(fields, |name| row.get(name), Levels::default(), &mut leaves);
        rows += 1;
        held += piece.len();
        if held >= GROUP {
            held = 0;
            flush(&mut writer, &mut leaves)?;
        }
        Ok(())
    })?;
    if held > 0 {
        flush(&mut writer, &mut leaves)?;
    }
    writer.close()?;
    Ok(rows)
}

fn flush<W: Write + Send>(writer: &mut SerializedFileWriter<W>, leaves: &mut [Leaf]) -> anyhow::Result<()> {
    let mut group = writer.next_row_group()?;
    for leaf in leaves {
        let column = group.next_column()?.context("a file of fewer columns than rows have")?;
        leaf.write(column)?;
    }
    group.close()?;
    Ok(())
}

fn types(fields: &[(&'static str, Shape)]) -> Result<Vec<TypePtr>, ParquetError> {
    fields.iter().map(|(name, shape)| Ok(Arc::new(of(name, shape)?))).collect()
}

fn of(name: &str, shape: &Shape) -> Result<Type, ParquetError> {
    let leaf = |physical: Physical| Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    match shape {
        // Arrow reads it as its JSON type, without which `datasets` does not take the type that stands beside the file.
        Shape::Json(true) => leaf(Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::Json)).build(),
        Shape::Text | Shape::Json(false) => {
            leaf(Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)).build()
        }
        Shape::Bool => leaf(Physical::BOOLEAN).build(),
        Shape::Int => leaf(Physical::INT64).build(),
        Shape::Struct(fields) => {
            Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL).with_fields(types(fields)?).build()
        }
        Shape::List(element) => {
            let list = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(of("element", element)?)])
                .build()?;
            Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
        }
    }
}

/// Returns what `datasets` keeps beside a file of the types of its columns.
fn features(fields: &[(&'static str, Shape)]) -> Value {
    let features: Value = fields.iter().map(|(name, shape)| ((*name).to_owned(), feature(shape))).collect();
    json!({ "info": { "features": features } })
}

fn feature(shape: &Shape) -> Value {
    let plain = |kind: &str| json!({ "dtype": kind, "_type": "Value" });
    match shape {
        Shape::Text | Shape::Json(false) => plain("string"),
        Shape::Json(true) => json!({ "_type": "Json" }),
        Shape::Bool => plain("bool"),
        Shape::Int => plain("int64"),
        Shape::List(element) => json!({ "feature": feature(element), "_type": "List" }),
        Shape::Struct(fields) => fields.iter().map(|(name, shape)| ((*name).to_owned(), feature(shape))).collect(),
    }
}

/// The values of a column, with the levels that say where each stands in its row.
struct Leaf {
    values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// Level of a value that is there.
    defined: i16,
    repeats: bool,
}

enum Values {
    Bytes(Vec<ByteArray>),
    Bools(Vec<bool>),
    Ints(Vec<i64>),
}

impl Leaf {
    /// Adds the columns that a shape takes, in their order in the file.
    fn of(shape: &Shape, defined: i16, repeated: i16, leaves: &mut Vec<Self>) {
        let values = match shape {
            Shape::List(element) => return Self::of(element, defined + 2, repeated + 1, leaves),
            Shape::Struct(fields) => {
                return fields.iter().for_each(|(_, shape)| Self::of(shape, defined + 1, repeated, leaves));
            }
            Shape::Text | Shape::Json(_) => Values::Bytes(Vec::new()),
            Shape::Bool => Values::Bools(Vec::new()),
            Shape::Int => Values::Ints(Vec::new()),
        };
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        leaves.push(Self { values, definitions, repetitions, defined: defined + 1, repeats: repeated > 0 });
    }

    fn put(&mut self, value: Option<&Value>, levels: Levels, is_json: bool) {
        let put = match (&mut self.values, value) {
            (Values::Bytes(values), Some(Value::String(text))) => {
                values.push(text.as_str().into());
                true
            }
            (Values::Bytes(values), Some(value)) if is_json => {
                values.push(value.to_string().as_str().into());
                true
            }
            (Values::Bools(values), Some(Value::Bool(value))) => {
                values.push(*value);
                true
            }
            (Values::Ints(values), Some(Value::Number(number))) => {
                number.as_i64().map(|number| values.push(number)).is_some()
            }
            _ => false,
        };
        self.repetitions.push(levels.repeated);
        self.definitions.push(if put { self.defined } else { levels.defined });
    }

    /// Writes the values, and keeps none.
    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let (definitions, repetitions) = (Some(&*self.definitions), self.repeats.then_some(&*self.repetitions));
        match &mut self.values {
            Values::Bytes(values) => {
                column.typed::<ByteArrayType>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Bools(values) => {
                column.typed::<BoolType>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Ints(values) => {
                column.typed::<Int64Type>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
        }
        self.definitions.clear();
        self.repetitions.clear();
        column.close()
    }
}

/// Where a value stands in its row.
#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    /// How much of the path to it is there.
    defined: i16,
    /// The list that it goes on in.
    repeated: i16,
    /// Lists around it.
    depth: i16,
}

/// Adds a value to the columns of its shape.
fn shred(value: Option<&Value>, shape: &Shape, levels: Levels, leaves: &mut [Leaf]) {
    match shape {
        Shape::Struct(fields) => {
            let there = value.and_then(Value::as_object);
            let levels = Levels { defined: levels.defined + i16::from(there.is_some()), ..levels };
            shred_fields(fields, |name| there?.get(name), levels, leaves);
        }
        Shape::List(element) => {
            let Some(items) = value.and_then(Value::as_array) else { return shred(None, element, levels, leaves) };
            let depth = levels.depth + 1;
            let defined = levels.defined + 1;
            if items.is_empty() {
                return shred(None, element, Levels { defined, ..levels }, leaves);
            }
            for (index, item) in items.iter().enumerate() {
                let repeated = if index == 0 { levels.repeated } else { depth };
                shred(Some(item), element, Levels { defined: defined + 1, repeated, depth }, leaves);
            }
        }
        Shape::Text | Shape::Json(_) | Shape::Bool | Shape::Int => {
            let is_json = matches!(shape, Shape::Json(_));
            leaves.iter_mut().take(1).for_each(|leaf| leaf.put(value, levels, is_json));
        }
    }
}

/// Adds the fields of a row, or of a group in it, to their columns.
fn shred_fields<'v>(
    fields: &[(&'static str, Shape)],
    get: impl Fn(&str) -> Option<&'v Value>,
    levels: Levels,
    mut leaves: &mut [Leaf],
) {
    for (name, shape) in fields {
        let (own, rest) = leaves.split_at_mut(width(shape).min(leaves.len()));
        shred(get(name).filter(|value| !value.is_null()), shape, levels, own);
        leaves = rest;
    }
}

/// Returns a key of a row that its columns do not hold, which would be lost without a word.
fn unknown<'v>(value: &'v Value, shape: &Shape) -> Option<&'v str> {
    match (value, shape) {
        (Value::Object(object), Shape::Struct(fields)) => {
            object.iter().find_map(|(key, value)| match fields.iter().find(|(name, _)| name == key) {
                Some((_, shape)) => unknown(value, shape),
                None => Some(key.as_str()),
            })
        }
        (Value::Array(items), Shape::List(element)) => items.iter().find_map(|item| unknown(item, element)),
        _ => None,
    }
}

/// Returns how many columns a shape takes.
fn width(shape: &Shape) -> usize {
    match shape {
        Shape::List(element) => width(element),
        Shape::Struct(fields) => fields.iter().map(|(_, shape)| width(shape)).sum(),
        Shape::Text | Shape::Json(_) | Shape::Bool | Shape::Int => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sft::Target;

    #[test]
    fn a_row_with_what_no_column_holds_is_refused() {
        let settings = Settings::new(Target::Trl);
        let known = json!({ "messages": [{ "role": "user", "content": "u" }], "tools": [] });
        let in_message = json!({ "messages": [{ "role": "user", "content": "u", "weight": 0 }], "tools": [] });
        let in_row = json!({ "messages": [], "tools": [], "score": 1 });
        for (row, expected) in [(known, None), (in_message, Some("weight")), (in_row, Some("score"))] {
            let text = row.to_string();
            let mut file = Vec::new();
            let written = write(|put| put(text.as_bytes()), &settings, &mut file);
            let refused = written.err().map(|err| err.to_string());
            let expected = expected.map(|key| format!("a row has `{key}`, which is no column of `trl`"));
            assert_eq!(refused, expected);
        }
    }
}
