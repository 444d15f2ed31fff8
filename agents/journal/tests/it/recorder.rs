//! The record of an episode where it is written to.

use std::fs;
use std::process::Command;

use agent_core::{Message, Record, Recorder};
use journal::FileRecorder;
use serde_json::Map;

#[test]
#[ignore = "needs root"]
fn a_line_that_did_not_fit_leaves_no_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = |command: &str, arguments: &[&str]| {
        Command::new(command).args(arguments).arg(folder.path()).status().is_ok_and(|status| status.success())
    };
    assert!(mounted("mount", &["-t", "tmpfs", "-o", "size=64k", "none"]));
    let says = |size: usize| {
        let message = Message::user("x".repeat(size));
        Record::Message { step: 0, message, extra: Map::new(), restored: false }
    };
    let path = folder.path().join("trajectory.jsonl");
    let mut recorder = FileRecorder::create(&path).unwrap();
    let appended = [1000, 100_000, 1000].map(|size| recorder.append(&says(size)).is_ok());
    let text = fs::read_to_string(&path);
    assert!(mounted("umount", &["--lazy"]));
    assert_eq!(appended, [true, false, true]);
    let text = text.unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| serde_json::from_str::<Record>(line).is_ok()), "{text}");
}
