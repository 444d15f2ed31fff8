//! The tables of `task.toml`, as Harbor 0.26 reads them: schemas 1.0 to 1.4.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema that is written.
pub const SCHEMA: &str = "1.4";

/// `task.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskConfig {
    /// The schema's version; `version` in the first of them.
    #[serde(alias = "version")]
    pub schema_version: String,
    /// Files and folders that go from the agent's sandbox to the verifier's, at the same paths.
    pub artifacts: Vec<Artifact>,
    /// The task's name in a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<PackageInfo>,
    /// Whatever its author notes.
    pub metadata: TaskMetadata,
    /// How it is judged.
    pub verifier: VerifierConfig,
    /// What the agent is allowed.
    pub agent: AgentConfig,
    /// The agent's sandbox.
    pub environment: EnvironmentConfig,
    /// Several instructions one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<toml::Value>,
}

/// `[task]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackageInfo {
    /// `<organisation>/<name>`.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
}

/// `[metadata]`: what this project knows of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskMetadata {
    /// What the project that wrote the task needs to read it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spotter: Option<Own>,
}

/// `[metadata.spotter]`: the instance that a task was written from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// The instance's id.
    pub instance_id: String,
    /// `<owner>/<repo>`.
    pub repo: String,
    /// The commit that the agent starts from.
    pub base_commit: String,
    /// The repository's version.
    pub version: String,
    /// Absolute path of the repository.
    pub root: String,
    /// Folder below `environment` that holds the repository's files; absent where an image has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
}

/// `[verifier]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifierConfig {
    /// Seconds that it may take; 600 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_sec: Option<f64>,
    /// Who it runs as; absent: the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<toml::Value>,
    /// What of the network is in its reach; absent: what its sandbox has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Whether it runs in a sandbox of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_mode: Option<Mode>,
    /// Variables of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Commands that are run in the agent's sandbox once the agent is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<Collect>,
    /// Its own sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentConfig>,
}

/// Where a verifier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the agent's sandbox.
    Shared,
    /// In a sandbox of its own.
    Separate,
}

/// `[[verifier.collect]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collect {
    /// A line of shell.
    pub command: String,
    /// The service that it is run in; absent: the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Seconds that it may take; 60 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_sec: Option<f64>,
}

/// `[agent]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentConfig {
    /// Seconds that the agent may take; no limit where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_sec: Option<f64>,
    /// Who it runs as; absent: the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<toml::Value>,
    /// What of the network is in its reach; absent: what its sandbox has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
}

/// `[environment]` and `[verifier.environment]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentConfig {
    /// The image; absent where `environment/Dockerfile` says how it is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_image: Option<String>,
    /// `linux` or `windows`; absent: the former.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// What of the network is in reach; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// The older form of `network_mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_internet: Option<bool>,
    /// The folder in which commands run; absent: the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Graphics processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u64>,
    /// Variables of commands.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What has to succeed before the agent starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// `[environment.healthcheck]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// A line of shell.
    pub command: String,
    /// Seconds that it may take; 30 unless set.
    #[serde(default = "Healthcheck::timeout")]
    pub timeout_sec: f64,
    /// How often it may fail in a row; 3 unless set.
    #[serde(default = "Healthcheck::tries")]
    pub retries: u32,
    /// Seconds between two of them; 5 unless set.
    #[serde(default = "Healthcheck::pause")]
    pub interval_sec: f64,
    /// Seconds from the start on in which a failure does not count; 0 unless set.
    #[serde(default)]
    pub start_period_sec: f64,
    /// Seconds between two of them in that time; 5 unless set.
    #[serde(default = "Healthcheck::pause")]
    pub start_interval_sec: f64,
}

impl Healthcheck {
    /// Returns one of a line of shell, with Harbor's own numbers.
    pub fn new(command: String) -> Self {
        Self {
            command,
            timeout_sec: Self::timeout(),
            retries: Self::tries(),
            interval_sec: Self::pause(),
            start_period_sec: 0.0,
            start_interval_sec: Self::pause(),
        }
    }

    fn timeout() -> f64 {
        30.0
    }

    fn tries() -> u32 {
        3
    }

    fn pause() -> f64 {
        5.0
    }
}

/// What of the network is in reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Nothing.
    NoNetwork,
    /// All.
    Public,
    /// Some hosts.
    Allowlist,
}

/// An entry of `artifacts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Artifact {
    /// A path.
    Path(String),
    /// A path and more.
    Table {
        /// The path.
        source: String,
        /// The service that it is taken from; absent: the agent's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// Patterns of what is left out of a folder, as `tar --exclude` reads them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
    },
}
