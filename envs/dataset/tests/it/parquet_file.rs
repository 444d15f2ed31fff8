//! Writes Parquet files for tests, shaped as the hub's.

use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const SCHEMA: &str = "message schema {
    optional binary instance_id (UTF8); optional binary repo (UTF8); optional binary base_commit (UTF8);
    optional binary patch (UTF8); optional binary test_patch (UTF8); optional binary problem_statement (UTF8);
    optional binary version (UTF8); optional int64 pull_number;
    optional group FAIL_TO_PASS (LIST) { repeated group list { optional binary element (UTF8); } }
    optional group PASS_TO_PASS (LIST) { repeated group list { optional binary element (UTF8); } }
}";

/// Returns a Parquet file with one row for each id; the last has nulls where a column allows them.
pub(crate) fn bytes(ids: &[&str]) -> Vec<u8> {
    written(&[ids], WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build())
}

/// Returns a Parquet file with a row group for each list of ids, as [`bytes`] has one.
pub(crate) fn written(groups: &[&[&str]], properties: WriterProperties) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).expect("the schema parses"));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("a writer");
    groups.iter().for_each(|ids| write_group(&mut writer, ids));
    writer.into_inner().expect("finished")
}

fn write_group(writer: &mut SerializedFileWriter<Vec<u8>>, ids: &[&str]) {
    let mut group = writer.next_row_group().expect("a row group");
    let names = ["instance_id", "repo", "base_commit", "patch", "test_patch", "problem_statement", "version"];
    for name in names {
        let nullable = name == "version";
        let values: Vec<ByteArray> = ids
            .iter()
            .enumerate()
            .filter(|(index, _)| !nullable || index + 1 < ids.len())
            .map(|(_, id)| if name == "instance_id" { (*id).into() } else { format!("{name} of {id}").as_str().into() })
            .collect();
        let levels: Vec<i16> = (0..ids.len()).map(|index| i16::from(!nullable || index + 1 < ids.len())).collect();
        let mut column = group.next_column().expect("a column").expect("one more");
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).expect("written");
        column.close().expect("closed");
    }
    let mut column = group.next_column().expect("a column").expect("one more");
    let numbers: Vec<i64> = (0..ids.len() as i64).collect();
    column.typed::<Int64Type>().write_batch(&numbers, Some(&vec![1; ids.len()]), None).expect("written");
    column.close().expect("closed");
    for prefix in ["fails", "passes"] {
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        for (index, _) in ids.iter().enumerate() {
            if index + 1 == ids.len() {
                definitions.push(0);
                repetitions.push(0);
                continue;
            }
            for test in 0..2 {
                values.push(format!("{prefix} {index}.{test}").as_str().into());
                definitions.push(3);
                repetitions.push(i16::from(test > 0));
            }
        }
        let mut column = group.next_column().expect("a column").expect("one more");
        let levels = (Some(definitions.as_slice()), Some(repetitions.as_slice()));
        column.typed::<ByteArrayType>().write_batch(&values, levels.0, levels.1).expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
}
