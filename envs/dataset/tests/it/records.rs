//! The objects of files, whatever their columns are.

use std::fs;
use std::path::Path;

use dataset::{DatasetError, each_record};

/// Returns what a file of this name holds, as `number text` or `number: what is wrong`.
fn read(folder: &Path, name: &str, bytes: &[u8]) -> Result<Vec<String>, DatasetError> {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let mut found = Vec::new();
    each_record(&path, |number, record| -> Result<(), DatasetError> {
        found.push(match record {
            Ok(record) => format!("{number} {}", serde_json::Value::Object(record)),
            Err(err) => format!("{number}: {err}"),
        });
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn a_file_holds_lines_a_list_or_one_object_by_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let zst = zstd::encode_all(b"{\"a\": 1}\n".as_slice(), 0).unwrap();
    let cases: [(&str, &[u8], &[&str]); 7] = [
        ("lines.json", b"\xef\xbb\xbf{\"a\": 1}\n\n{\"a\": NaN}", &["1 {\"a\":1}", "3 {\"a\":null}"]),
        ("lines.jsonl.zst", &zst, &["1 {\"a\":1}"]),
        ("list.jsonl", b"[{\"a\": 1},\n {\"a\": 2}, 3]", &["1 {\"a\":1}", "2 {\"a\":2}", "3: is not a JSON object"]),
        ("one.traj", b"{\n  \"a\": {\n  }\n}\n", &["1 {\"a\":{}}"]),
        ("none.jsonl", b"", &[]),
        ("bad.jsonl", b"{\"a\": }\n{\"a\": 1}\n", &["1: is not JSON: expected value at column 7", "2 {\"a\":1}"]),
        (
            "torn.jsonl",
            b"{\"a\": 1}\n{\"a\"",
            &["1 {\"a\":1}", "2: the file ends in the middle of a row\nhint: was the copy or the download complete?"],
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(read(folder.path(), name, bytes).unwrap(), expected, "{name}");
    }
}

#[test]
fn rows_of_parquet_are_objects() {
    let folder = tempfile::tempdir().unwrap();
    let found = read(folder.path(), "rows.parquet", &crate::parquet_file::bytes(&["a", "b"])).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("1 {") && found[0].contains("\"a\"") && found[1].contains("\"b\""), "{found:?}");
}

#[test]
fn a_file_that_cannot_be_read_on_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 3] = [
        ("list.json", b"[{\"a\": 1}", "is not JSON"),
        ("frame.jsonl.zst", b"no frame", "cannot be read further"),
        ("rows.parquet", b"no Parquet", "is not Parquet"),
    ];
    for (name, bytes, expected) in cases {
        let err = read(folder.path(), name, bytes).unwrap_err().to_string();
        assert!(err.contains(expected), "{name}: {err}");
    }
}
