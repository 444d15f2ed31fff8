//! Patches that come from elsewhere.

use env_core::Patch;

/// Returns the patch that a prediction's text stands for: what is before its first `diff --git` line goes, and
/// one line end stands at the end.
///
/// The original also strips all blanks at the end and makes every line end `\n`. That breaks the last hunk when its
/// last line of context is blank, and every hunk of a file with `\r\n`; here the blank line stays, and line ends
/// change only where the line `diff --git` itself has `\r\n`.
pub fn read_prediction(text: &str) -> Patch {
    if text.trim().is_empty() {
        return Patch::default();
    }
    let start = if text.starts_with(HEADER) { Some(0) } else { text.find(&format!("\n{HEADER}")).map(|end| end + 1) };
    let patch = text.get(start.unwrap_or(0)..).unwrap_or_default();
    let converted = patch.split('\n').next().is_some_and(|line| line.ends_with('\r'));
    let patch = if converted { with_plain_ends(patch) } else { patch.to_owned() };
    let body = patch.trim_end_matches('\n');
    // The blank line that closes a binary part is part of it: without it git calls the patch corrupt.
    let last = body.rfind(&format!("\n{HEADER}")).map_or(body, |start| &body[start..]);
    let end = if last.contains("\nGIT binary patch") { "\n\n" } else { "\n" };
    Patch(format!("{body}{end}"))
}

/// Returns the text with `\n` line ends. All `\r` at the end of a line go: what is left must not look like a `\r\n`
/// that the next reader converts once more.
fn with_plain_ends(patch: &str) -> String {
    patch.split('\n').map(|line| line.trim_end_matches('\r')).collect::<Vec<_>>().join("\n")
}

/// How the part of a patch for one file begins.
const HEADER: &str = "diff --git";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_that_was_read_once_stays_as_it_is() {
        for text in
            ["diff --git a/x b/x\r\r\n+a\r\r\n", "diff --git a/x b/x\r\n+a\r\n\r\n", "x\ndiff --git a/x b/x\n+a\r\n"]
        {
            let patch = read_prediction(text);
            assert_eq!(read_prediction(&patch.0), patch, "{text:?}");
        }
    }

    #[test]
    fn the_blank_line_after_a_binary_part_stays() {
        let binary = "diff --git a/x b/x\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n";
        assert_eq!(read_prediction(binary).0, binary);
        let text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(read_prediction(&format!("{binary}{text}\n\n")).0, format!("{binary}{text}"));
    }
}
