//! Makes untrusted text safe to show on a terminal.

/// Characters of a text on one short line.
const SHORT: usize = 58;

/// Returns the first line of a text that says something, cut to fit a terminal and safe to show there.
pub fn short(text: &str) -> String {
    let line = harmless(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default());
    if line.chars().count() <= SHORT {
        return line;
    }
    line.chars().take(SHORT - 1).chain(std::iter::once('…')).collect()
}

/// Returns a line without control characters, so that it cannot control the terminal.
pub fn harmless(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
