//! Diffs for a model to read.

use serde_json::json;
use similar::{Algorithm, ChangeTag, capture_diff_slices, group_diff_ops};
use tool_core::Texts;

/// Lines of a diff shown at most.
const LINES: usize = 80;

/// Characters of a line shown at most.
const WIDTH: usize = 300;

/// Returns a unified diff from `wanted` to `region`, whose lines are numbered from `first` on.
pub(crate) fn unified(wanted: &[&str], region: &[&str], first: usize, texts: &dyn Texts) -> String {
    let mut out: Vec<String> = Vec::new();
    let ops = capture_diff_slices(Algorithm::Myers, wanted, region);
    for group in group_diff_ops(ops, 3) {
        let (Some(start), Some(end)) = (group.first(), group.last()) else { continue };
        let (old, new) = (start.old_range().start..end.old_range().end, start.new_range().start..end.new_range().end);
        out.push(format!("@@ -{},{} +{},{} @@", old.start + 1, old.len(), first + new.start, new.len()));
        for change in group.iter().flat_map(|op| op.iter_changes(wanted, region)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            out.push(format!("{sign}{}", cut(change.value(), texts)));
        }
    }
    let hidden = out.len().saturating_sub(LINES);
    out.truncate(LINES);
    if hidden > 0 {
        out.push(texts.render("edit/clipped_diff", json!({ "hidden": hidden })));
    }
    out.join("\n") + "\n"
}

fn cut(line: &str, texts: &dyn Texts) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((at, _)) => {
            let values = json!({ "shown": line.get(..at).unwrap_or(line), "length": line.chars().count() });
            texts.render("edit/clipped_in_diff", values)
        }
        None => line.to_owned(),
    }
}
