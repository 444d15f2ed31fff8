//! What a provider knows of the machine it runs on.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// What a provider knows of the machine it runs on: environment variables, and where to draw.
///
/// Nothing of it reaches a sandbox but `PATH`, and that only a local one.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Environment variables: `PATH`, `HOME`, `TMPDIR`, `XDG_CACHE_HOME`, `XDG_RUNTIME_DIR`, and `DOCKER_*` as the
    /// Docker client reads them.
    pub variables: BTreeMap<String, String>,
    /// Whether standard error is a terminal, where the progress of a pull can be drawn.
    pub terminal: bool,
}

impl Host {
    /// Takes what providers may know of the environment of a process, as the command line passes it.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, terminal: bool) -> Self {
        let wanted = |name: &str| {
            name.starts_with("DOCKER_")
                || ["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"].contains(&name)
        };
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| wanted(name))
            .collect();
        Self { variables, terminal }
    }

    /// Returns a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the folder for temporary files.
    pub fn temporary(&self) -> PathBuf {
        PathBuf::from(self.variable("TMPDIR").unwrap_or("/tmp"))
    }
}
