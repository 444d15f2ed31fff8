//! What of a log could not be read.

use serde::{Deserialize, Serialize};

/// What of a log could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Lines that look like a test's result and are none.
    pub lines: u64,
    /// Number and text of the first of them; a long text is clipped.
    pub first: Option<(u64, String)>,
    /// Places that are not UTF-8; each was read as U+FFFD.
    pub invalid_bytes: u64,
    /// Lines of more than 1 MiB that were read without their middle.
    pub long_lines: u64,
}
