//! Patches: predictions made ready, diffs read, and diffs of two texts applied.

use edit::{apply_hunks, parse_patch};
use grading::read_prediction;
use serde_json::Value;

/// Stands in for the texts that tell why a patch is refused.
fn name_of(name: &str, values: Value) -> String {
    format!("{name} {values}")
}

/// Takes a patch; also takes it as two texts, parted by a NUL byte, whose difference is applied.
pub fn patches(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let patch = read_prediction(&text);
    assert_eq!(read_prediction(&patch.0), patch, "a prediction that was read once is read otherwise");
    assert!(!text.contains("diff --git") || !patch.is_empty(), "a patch was lost");
    if let Ok(files) = parse_patch(&text, &name_of) {
        assert!(!files.is_empty(), "a patch without files was taken");
        for file in &files {
            // Whatever it is applied to, it fits or is refused with a reason.
            if let Err(reasons) = apply_hunks(&text, &file.hunks, 2, &name_of) {
                assert!(!reasons.is_empty(), "refused without a reason");
            }
        }
    }
    if let Some((old, new)) = text.split_once('\0') {
        difference_turns_one_text_into_the_other(&plain(old), &plain(new));
    }
}

/// Only texts with `\n` line ends are diffed here.
fn plain(text: &str) -> String {
    text.replace('\r', "")
}

fn difference_turns_one_text_into_the_other(old: &str, new: &str) {
    if old == new {
        return;
    }
    let diff = similar::TextDiff::from_lines(old, new);
    let diff = diff.unified_diff().context_radius(3).header("a/file", "b/file").to_string();
    let files = parse_patch(&diff, &name_of).unwrap_or_else(|err| panic!("{err}\n{diff}"));
    assert_eq!(files.len(), 1, "{diff}");
    match apply_hunks(old, &files[0].hunks, 0, &name_of) {
        Ok(patched) => assert_eq!(patched.body, new, "{diff}"),
        Err(reasons) => assert!(only_line_ends(&reasons), "{reasons:?}\n{diff}"),
    }
}

/// A change of nothing but line ends is refused on purpose.
fn only_line_ends(reasons: &[String]) -> bool {
    reasons.iter().all(|reason| reason.contains("patch/only_line_ends"))
}
