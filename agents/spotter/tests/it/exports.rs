//! Runs in the formats of other programs, by the program.

use std::fs;

use serde_json::json;

use crate::program::Program;

#[test]
fn what_was_imported_is_exported_in_each_format_and_what_does_not_fit_is_told() {
    let program = Program::new();
    let messages = json!([{ "role": "user", "content": "u" }, { "role": "assistant", "content": "a" }]);
    let row = |id: &str| json!({ "instance_id": id, "messages": messages, "patch": "d", "resolved": true });
    let alone = json!({ "instance_id": "a__b-3", "patch": "d", "resolved": true });
    fs::write(program.path("rows.jsonl"), format!("{}\n{}\n{alone}\n", row("a__b-1"), row("a__b-2"))).unwrap();
    let imported = program.run(&["import", "rows.jsonl", "--run", "r"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let files = [
        ("atif", "r.imported/a__b-1__0/agent/trajectory.json"),
        ("openhands", "output.jsonl"),
        ("mini", "a__b-2/a__b-2.traj.json"),
        ("inspect", "r_imported.eval"),
    ];
    for (format, file) in files {
        let ran = program.run(&["export", format, "r", "--out", format]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(program.path(format).join(file).is_file(), "{ran:?}");
        let count = if format == "atif" { 2 } else { 3 };
        assert!(ran.stderr.contains(&format!("{count} episodes written to `{format}`")), "{ran:?}");
    }
    let told = program.run(&["export", "atif", "r", "--out", "again"]).stderr;
    assert!(told.contains("left out, episodes: 1: has no record of what was said"), "{told}");
    let unknown = program.run(&["export", "mini", "q", "--out", "out"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("hint: the runs are `r`"), "{unknown:?}");
}
