//! Rows: a file of any form is read or refused with a reason, and the same rows come out of the other JSON form.

use std::fs;
use std::path::PathBuf;

use dataset::{Row, load_file};
use serde_json::Value;

/// The forms, by the first byte.
const ENDINGS: [&str; 4] = ["jsonl", "json", "parquet", "jsonl.zst"];

/// Takes a file of rows; its first byte chooses the form.
pub fn rows(data: &[u8]) {
    let Some((choice, contents)) = data.split_first() else { return };
    let ending = ENDINGS[usize::from(*choice) % ENDINGS.len()];
    match load(ending, contents) {
        Ok(rows) => {
            assert!(!rows.is_empty(), "a file without rows was taken");
            assert!(rows.iter().all(|row| fit_for_a_folder(&row.instance_id)), "an id is not fit to name a folder");
            if ending == "jsonl" {
                same_as_list(contents, &rows);
            }
        }
        Err(reason) => assert!(reason.len() < 2000, "a reason of {} bytes", reason.len()),
    }
}

fn load(ending: &str, contents: &[u8]) -> Result<Vec<Row>, String> {
    let path = file(ending);
    fs::write(&path, contents).unwrap_or_else(|err| panic!("cannot write a file: {err}"));
    let loaded = load_file(&path).map_err(|err| err.to_string());
    let _ = fs::remove_file(&path);
    loaded
}

/// Returns a path of this thread alone.
fn file(ending: &str) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id()).replace(['(', ')'], "");
    std::env::temp_dir().join(format!("spotter-rows-{}-{thread}.{ending}", std::process::id()))
}

fn fit_for_a_folder(id: &str) -> bool {
    !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\', '\0']) && id.len() < 256
}

/// The rows of a file of lines are those of the list of these lines.
fn same_as_list(lines: &[u8], rows: &[Row]) {
    let text = String::from_utf8_lossy(lines);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim_start().starts_with('[') {
        return;
    }
    let lines = text.split('\n').filter(|line| !line.trim_ascii().is_empty());
    let list: Result<Vec<Value>, _> = lines.map(|line| serde_json::from_str(line.trim_ascii_end())).collect();
    let Ok(list) = list else {
        assert!(["NaN", "Infinity"].iter().any(|word| text.contains(word)), "rows of lines that are no JSON");
        return;
    };
    let list = Value::from(list).to_string();
    match load("json", list.as_bytes()) {
        Ok(same) => assert_eq!(same, rows),
        Err(reason) => panic!("taken as lines, but not as a list: {reason}"),
    }
}
