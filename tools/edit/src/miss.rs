//! What to say when the text to replace is not there.

/// Returns why `old` may not be in `body`.
pub fn miss(_body: &str, _old: &str, _new: &str) -> String {
    "old_str is not in the file; nothing was changed".to_owned()
}
