//! A setting that is not valid.

use std::fmt;

/// A setting that is not valid.
#[derive(Debug)]
pub struct InvalidSetting {
    /// Its key path.
    pub path: String,
    message: String,
}

impl InvalidSetting {
    pub(crate) fn new(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { path: path.into(), message: message.to_string() }
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for InvalidSetting {}
