//! What stands in the file.

use viewer::{Gold, Settings, write};

use crate::opened::Opened;
use crate::written::{self, PATCH, Written, episode, open, records};

/// Text that would do harm if it were read as anything but text.
const HOSTILE: &str =
    "</script><script>alert(1)</script><!--<script> \u{202e}txt\u{0} \u{1b}[31m = \r\n ]]> \u{10ffff}";

#[test]
fn the_files_of_each_episode_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let first = episode("x__y-2", 0, true, &records("x__y-2", &[("ls", HOSTILE), ("pytest", "1 passed")]));
    let second = episode("x__y-1", 1, false, &records("x__y-1", &[("ls", "a")]));
    let expected = [second.record.clone(), first.record.clone()];
    written::write(folder.path(), &[first, second]);
    std::fs::write(folder.path().join("run/cell/x__y-2/test_output.txt"), b"broken \xff\xfe text").unwrap();
    let gold = Gold { patch: PATCH.to_owned(), ..Gold::default() };
    let settings = Settings { gold: [("x__y-2".to_owned(), gold)].into(), ..Settings::default() };
    let out = folder.path().join("page.html");
    let written = write(&open(folder.path()), &settings, &out).unwrap();
    let opened = Opened::new(&out);
    assert_eq!((written.episodes, written.size), (2, opened.bytes.len() as u64));
    for (row, record) in expected.iter().enumerate() {
        assert_eq!(&opened.record(row), record);
        assert!(opened.index["rows"][row]["files"]["patch.diff"].is_null(), "the outcome has it");
    }
    assert_eq!(opened.file(1, "test_output.txt"), "broken \u{fffd}\u{fffd} text");
    let gold: serde_json::Value = serde_json::from_str(&opened.at(&opened.index["gold"]["x__y-2"])).unwrap();
    assert_eq!(gold["patch"], PATCH);
    let rows = &opened.index["rows"];
    assert_eq!(
        (&rows[0]["id"], &rows[0]["ending"], &rows[0]["sample"]),
        (&"x__y-1".into(), &"unsolved".into(), &1.into())
    );
    assert_eq!(
        (&rows[1]["ending"], &rows[1]["steps"], &rows[1]["f2p"]),
        (&"solved".into(), &3.into(), &serde_json::json!([1, 1]))
    );
    assert_eq!(opened.index["report"]["cell"]["rows"][0]["figures"]["solved"], 1);
}

#[test]
fn hostile_text_is_nowhere_in_what_a_browser_reads_as_html() {
    let folder = tempfile::tempdir().unwrap();
    let name = "x__<script>alert(2)<!--\"-1";
    written::write(folder.path(), &[episode(name, 0, true, &records(name, &[(HOSTILE, HOSTILE)]))]);
    let mut sources = open(folder.path());
    sources[0].name = format!("</title><script>alert(3)</script>\u{202e}{}", "long ".repeat(200_000));
    let out = folder.path().join("page.html");
    write(&sources, &Settings::default(), &out).unwrap();
    let opened = Opened::new(&out);
    let plain = opened.plain();
    assert!(plain.is_ascii() && !plain.contains("<script>alert("), "{plain}");
    assert!(plain.contains("&lt;/title&gt;&lt;script&gt;"), "the title is there as text");
    assert_eq!(plain.matches("<script").count(), 2, "the boot and the end");
    assert!(plain.len() < 60_000, "{}", plain.len());
    assert_eq!(opened.index["rows"][0]["id"], name);
}

#[test]
fn a_damaged_record_is_shown_as_it_is_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let record = "{\"type\":\"header\"}\nnonsense\n{\"type\":\"outcome\"}\n".to_owned();
    let damaged = Written { instance: "x__y-1", sample: 0, resolved: false, patch: "", record };
    written::write(folder.path(), &[damaged]);
    let out = folder.path().join("page.html");
    write(&open(folder.path()), &Settings::default(), &out).unwrap();
    let opened = Opened::new(&out);
    let row = &opened.index["rows"][0];
    assert!(row["damaged"].as_str().unwrap().contains("line 1"), "{row}");
    assert_eq!(row["ending"], "empty");
    assert!(opened.file(0, "trajectory.jsonl").contains("nonsense"));
}

#[test]
fn what_was_asked_for_and_has_not_begun_is_a_row() {
    let folder = tempfile::tempdir().unwrap();
    written::write(folder.path(), &[episode("x__y-1", 0, true, &records("x__y-1", &[]))]);
    journal::CellDir::create(folder.path(), "run", "cell").unwrap().ask(["x__y-2"]).unwrap();
    let out = folder.path().join("page.html");
    assert_eq!(write(&open(folder.path()), &Settings::default(), &out).unwrap().episodes, 2);
    assert_eq!(Opened::new(&out).index["rows"][1]["ending"], "unfinished");
    let unknown = Settings { cells: vec!["cel".to_owned()], ..Settings::default() };
    let err = write(&open(folder.path()), &unknown, &out).unwrap_err().to_string();
    assert!(err.contains("no run here has a cell `cel`"), "{err}");
}

#[test]
fn the_file_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    written::write(folder.path(), &[episode("x__y-1", 0, true, &records("x__y-1", &[]))]);
    let missing = folder.path().join("missing/page.html");
    let err = format!("{:#}", write(&open(folder.path()), &Settings::default(), &missing).unwrap_err());
    assert!(err.contains("cannot write in"), "{err}");
    let out = folder.path().join("page.html");
    write(&open(folder.path()), &Settings::default(), &out).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
