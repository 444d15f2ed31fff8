//! A setting that does not fit.

use std::fmt;

/// What is wrong with a setting.
#[derive(Debug)]
pub struct Unfit {
    /// Its key path.
    pub path: String,
    message: String,
}

impl Unfit {
    pub(crate) fn new(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { path: path.into(), message: message.to_string() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Unfit {}
