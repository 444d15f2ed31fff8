//! The last line of a trajectory, read without the others.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use agent_core::Record;

/// How much of the end of a file is looked at first.
const TAIL: u64 = 1 << 14;

/// Returns the last whole record of a trajectory; `None` when there is none, or it is damaged.
pub(super) fn last_record(path: &Path) -> Option<Record> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut wanted = TAIL;
    loop {
        let from = length.saturating_sub(wanted);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        (&mut file).take(length - from).read_to_end(&mut bytes).ok()?;
        // What comes after the last end of a line is being written, or was when its writer was killed.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        if let Some(whole) = whole.and_then(|whole| bytes.get(..whole)) {
            let begin = whole.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            if let Some(line) = begin.or((from == 0).then_some(0)).and_then(|begin| whole.get(begin..)) {
                return serde_json::from_slice(line).ok();
            }
        }
        if from == 0 {
            return None;
        }
        wanted *= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_is_found_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let record = |name: &str| Record::Conversation { step: 1, name: name.to_owned(), restored: false };
        let line = |name: &str| serde_json::to_string(&record(name)).unwrap() + "\n";
        let long = "é".repeat(100_000);
        for (text, expected) in [
            (String::new(), None),
            ("{\"type\":".to_owned(), None),
            (line("a"), Some("a")),
            (line("a") + &line("b") + "{\"torn", Some("b")),
            (line("a") + &line(&long), Some(long.as_str())),
            (line(&long), Some(long.as_str())),
            (line(&long) + &line("c"), Some("c")),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(last_record(&path), expected.map(record));
        }
        assert_eq!(last_record(&folder.path().join("none")), None);
    }
}
