//! Keeps the key out of every text.

use std::fmt;

use agent_core::Secrets;

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

/// Parts of the names of variables that hold keys.
const NAMES: [&str; 7] = ["API_KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "OTLP_HEADERS"];

/// Returns the values of this process's variables that hold keys: those that are named here, and those with the name of
/// one, such as `HF_TOKEN`.
pub fn secrets(named: &[&str]) -> Secrets {
    let holds_key = |name: &str| {
        let upper = name.to_uppercase();
        named.contains(&name) || NAMES.iter().any(|part| upper.contains(part))
    };
    Secrets::new(std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        // A file of keys, or a number of tokens, is none.
        let is_plain = value.starts_with('/') || value.parse::<f64>().is_ok();
        (holds_key(&name) && !is_plain).then_some((name, value))
    }))
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
