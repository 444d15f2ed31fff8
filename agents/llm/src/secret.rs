//! Keeps the key out of every text.

use std::fmt;

/// Shorter keys stand for none, as `EMPTY` does for local servers, and would be found in ordinary words.
const SHORTEST: usize = 8;

/// The key of a server. It shows itself only to the client.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    /// Returns the key itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what a server sent as text, with every occurrence of the key replaced.
    pub(crate) fn redact(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if self.0.len() < SHORTEST { text.into_owned() } else { text.replace(&self.0, "[redacted]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
