//! Settings of a provider and of the sandboxes that it starts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Size;

/// Settings of a provider and of the sandboxes that it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Where sandboxes live: `docker` (default), or `local` for a temporary folder on this machine without isolation.
    /// Other providers have the name of their `SandboxPlug`.
    pub provider: String,
    /// Memory of a sandbox, such as `4g`, `512m` or a number of bytes; default `4g`. Local: best effort.
    pub memory: Size,
    /// CPUs that a sandbox may use, such as `1.5`; default `null`, no limit. Docker only.
    pub cpus: Option<f64>,
    /// Processes and threads that a sandbox may have; default 1024. Local: best effort.
    pub pids: u32,
    /// Disk space that a sandbox may use beyond its image, such as `20g`, the default; `0` is no limit. If the engine's
    /// storage enforces such limits, the disk is full at this size; otherwise a command is ended soon after it has
    /// written more.
    pub disk: Size,
    /// Network of a sandbox: `none` (default) or `bridge`. Docker only; a local sandbox uses the network of the
    /// machine.
    pub network: Network,
    /// Seconds that a command may run; default 300.
    pub timeout: u64,
    /// Seconds that a command may run without new output; default 180.
    pub idle_timeout: u64,
    /// Bytes of a command's output that are kept, half from its start and half from its end; default `1m`.
    pub max_output: Size,
    /// Largest file or archive that can be read or written at once; default `64m`.
    pub max_file: Size,
    /// When to pull an image: `missing` (default), `always` or `never`. Docker only.
    pub pull: Pull,
    /// Seconds that starting a sandbox or a shell may take, not counting the pull; default 120.
    pub start_timeout: u64,
    /// Seconds that a trap on EXIT may take in a shell that runs a single command of the harness; default 2.
    pub grace: u64,
    /// Disk space for the prepared states of images, such as `20g`, from which later episodes start at once: images of
    /// the engine or, for local sandboxes, archives in the user's cache. The oldest are removed first, and `0` keeps
    /// none. Default `20g`.
    pub kept: Size,
    /// Keeps the repository's history after the base commit; default `false`. The environments implement it.
    pub keep_history: bool,
    /// Provider-specific settings; by default there are none.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            provider: "docker".to_owned(),
            memory: Size(4 << 30),
            cpus: None,
            pids: 1024,
            disk: Size(20 << 30),
            network: Network::None,
            timeout: 300,
            idle_timeout: 180,
            max_output: Size(1 << 20),
            max_file: Size(64 << 20),
            pull: Pull::Missing,
            start_timeout: 120,
            grace: 2,
            kept: Size(20 << 30),
            keep_history: false,
            options: Map::new(),
        }
    }
}

impl SandboxConfig {
    /// Returns the bytes of output kept of a command, as a length.
    pub fn max_output(&self) -> usize {
        usize::try_from(self.max_output.0).unwrap_or(usize::MAX)
    }

    /// Returns how long starting a sandbox or a shell may take.
    pub fn start_timeout(&self) -> Duration {
        Duration::from_secs(self.start_timeout)
    }
}

/// Network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Only the loopback device.
    None,
    /// The engine's default bridge.
    Bridge,
}

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// When the engine does not have it.
    Missing,
    /// Before each sandbox.
    Always,
    /// Never: a missing image is an error.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_settings_are_refused() {
        let config: SandboxConfig = serde_json::from_str(r#"{"memory": "1g", "max_output": 5}"#).unwrap();
        assert_eq!((config.memory, config.max_output), (Size(1 << 30), Size(5)));
        assert!(serde_json::from_str::<SandboxConfig>(r#"{"memroy": 1}"#).is_err());
    }

    #[test]
    fn options_are_written_only_where_there_are_some() {
        let written = serde_json::to_string(&SandboxConfig::default()).unwrap();
        assert!(written.starts_with(r#"{"provider":"docker","memory":"#) && !written.contains("options"), "{written}");
        let config: SandboxConfig = serde_json::from_str(r#"{"options": {"region": "north"}}"#).unwrap();
        assert!(serde_json::to_string(&config).unwrap().contains(r#""options":{"region":"north"}"#));
    }
}
