//! What commands print, and where.

use std::path::Path;

use anyhow::Context;

use crate::stream;

pub(crate) fn show(path: &Path) -> String {
    format!("`{}`", path.display())
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> anyhow::Result<serde_json::Value> {
    serde_json::to_value(value).context("a report cannot be written as JSON")
}

pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes data to standard output. A reader that has gone away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    stream::put(text.as_bytes()).context("cannot write to standard output")
}

/// An object on standard output whose entries are written one by one, so that no more than one is held.
pub(crate) struct Entries {
    any: bool,
}

impl Entries {
    /// Begins the object.
    pub(crate) fn begin() -> anyhow::Result<Self> {
        print("{")?;
        Ok(Self { any: false })
    }

    /// Writes an entry.
    pub(crate) fn add(&mut self, key: &str, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let comma = if std::mem::replace(&mut self.any, true) { "," } else { "" };
        let value = serde_json::to_string_pretty(value)?.replace('\n', "\n  ");
        print(&format!("{comma}\n  {}: {value}", serde_json::to_string(key)?))
    }

    /// Ends the object.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        print(if self.any { "\n}\n" } else { "}\n" })
    }
}
