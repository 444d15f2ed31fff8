//! Changes for a reader.

use similar::TextDiff;

/// Returns a change as a unified diff.
pub(crate) fn diff(path: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(path, path).to_string()
}
