//! Settings of a provider and of the sandboxes that it starts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

/// Settings of a provider and of the sandboxes that it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where sandboxes live: `docker` (default), or `local` for a temporary folder on this machine without isolation.
    pub provider: Kind,
    /// Memory of a sandbox, such as `4g`, `512m` or a number of bytes; default `4g`. Local: best effort.
    pub memory: Size,
    /// CPUs that a sandbox may use, such as `1.5`; default `null`, no limit. Docker only.
    pub cpus: Option<f64>,
    /// Processes and threads that a sandbox may have; default 1024. Local: best effort.
    pub pids: u32,
    /// What a sandbox may hold beyond its image, such as `20g`, the default; `0` is no limit. Where the storage of the engine
    /// keeps such limits, the disk is full at this size; elsewhere a command is ended soon after it has written more.
    pub disk: Size,
    /// Network of a sandbox: `none` (default) or `bridge`. Docker only; a local sandbox has the network of the machine.
    pub network: Network,
    /// Seconds that a command may run; default 300.
    pub timeout: u64,
    /// Seconds that a command may run without new output; default 180.
    pub idle_timeout: u64,
    /// Bytes of output kept of a command, half from its start and half from its end; default `1m`.
    pub max_output: Size,
    /// Largest file or archive that can be read or written at once; default `64m`.
    pub max_file: Size,
    /// When to pull an image: `missing` (default), `always` or `never`. Docker only.
    pub pull: Pull,
    /// Seconds that starting a sandbox or a shell may take, without the pull; default 120.
    pub start_timeout: u64,
    /// Seconds that a shell has to end by itself after its command was killed; after them its state is lost; default 2.
    pub grace: u64,
    /// Disk for the prepared states of images, such as `20g`, from which later episodes start at once: images of the engine,
    /// and of local sandboxes archives in the user's cache. The oldest go first, and `0` keeps none. Default `20g`.
    pub kept: Size,
    /// Leaves in the repository what came after the base commit; default `false`. The environments act on it.
    pub keep_history: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider: Kind::Docker,
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
        }
    }
}

impl Config {
    pub(crate) fn max_output(&self) -> usize {
        usize::try_from(self.max_output.0).unwrap_or(usize::MAX)
    }

    pub(crate) fn start_timeout(&self) -> Duration {
        Duration::from_secs(self.start_timeout)
    }
}

/// Where sandboxes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Containers of a Docker engine.
    Docker,
    /// Temporary folders on this machine, without isolation.
    Local,
}

/// Network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Only the loopback device.
    None,
    /// The engine's default bridge.
    Bridge,
}

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// When the engine does not have it.
    Missing,
    /// Before each sandbox.
    Always,
    /// Never: a missing image is an error.
    Never,
}

/// A number of bytes, written as a number or as text with a unit: `512m`, `4g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let number = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let shift = match lower[number.len()..].trim_end_matches("ib").trim_end_matches('b') {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(format!("unknown unit in `{text}`\nhint: write it like `512m` or `4g`")),
        };
        let number: f64 =
            number.trim().parse().map_err(|_| format!("`{text}` is not a size, such as `512m` or `4g`"))?;
        let bytes = number * (1_u64 << shift) as f64;
        if !(0.0..1e18).contains(&bytes) {
            return Err(format!("`{text}` is out of range"));
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, shift) = [("g", 30), ("m", 20), ("k", 10)]
            .into_iter()
            .find(|(_, shift)| self.0 != 0 && self.0.is_multiple_of(1 << shift))
            .unwrap_or(("", 0));
        write!(formatter, "{}{unit}", self.0 >> shift)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Bytes(u64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Bytes(bytes) => Ok(Self(bytes)),
            Raw::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let cases =
            [("4g", 4 << 30), ("512M", 512 << 20), ("1.5k", 1536), ("10", 10), ("2GiB", 2 << 30), ("3 mb", 3 << 20)];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "g", "4x", "-1", "1e30g"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert_eq!(Size(4 << 30).to_string(), "4g");
        assert_eq!(Size(1000).to_string(), "1000");
    }

    #[test]
    fn unknown_settings_are_refused() {
        let config: Config = serde_json::from_str(r#"{"memory": "1g", "max_output": 5}"#).unwrap();
        assert_eq!((config.memory, config.max_output), (Size(1 << 30), Size(5)));
        assert!(serde_json::from_str::<Config>(r#"{"memroy": 1}"#).is_err());
    }
}
