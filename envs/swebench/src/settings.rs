//! Settings of a benchmark, as a configuration file has them.

use env_core::Dialect;
use images::ImageSettings;
use serde::{Deserialize, Serialize};

/// Settings of a benchmark, as a configuration file has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BenchmarkSettings {
    /// Which container image an instance runs in.
    pub image: ImageSettings,
    /// `swe-gym`, `swe-bench-4` or `swe-bench-5`: the official harness that verdicts must equal; absent: the one that
    /// the row was made for.
    pub dialect: Option<Dialect>,
    /// Seconds that an evaluation script may take.
    pub eval_timeout: u64,
    /// Whether the repository keeps its history after the base commit, where an agent could find the fix.
    pub keep_history: bool,
}

impl Default for BenchmarkSettings {
    fn default() -> Self {
        Self { image: ImageSettings::default(), dialect: None, eval_timeout: 1_800, keep_history: false }
    }
}
