//! Reads `task.toml`, and tells of keys that are nearly others.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use env_core::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::config::TaskConfig;

/// Keys by table, as Harbor 0.26 knows them. It takes no notice of others, and neither is any taken here, unless they
/// are nearly one of these.
const KEYS: [(&str, &[&str]); 7] = [
    (
        "",
        &[
            "schema_version",
            "version",
            "task",
            "metadata",
            "verifier",
            "agent",
            "environment",
            "solution",
            "source",
            "multi_step_reward_strategy",
            "steps",
            "artifacts",
        ],
    ),
    ("task", &["name", "version", "description", "authors", "keywords"]),
    (
        "verifier",
        &["timeout_sec", "env", "user", "environment_mode", "environment", "collect", "network_mode", "allowed_hosts"],
    ),
    ("agent", &["timeout_sec", "user", "network_mode", "allowed_hosts"]),
    ("environment", ENVIRONMENT),
    ("verifier.environment", ENVIRONMENT),
    (
        "environment.healthcheck",
        &["command", "interval_sec", "timeout_sec", "start_period_sec", "start_interval_sec", "retries"],
    ),
];

const ENVIRONMENT: &[&str] = &[
    "build_timeout_sec",
    "docker_image",
    "os",
    "cpus",
    "memory_mb",
    "storage_mb",
    "memory",
    "storage",
    "gpus",
    "gpu_types",
    "tpu",
    "mcp_servers",
    "env",
    "skills_dir",
    "healthcheck",
    "workdir",
    "allow_internet",
    "network_mode",
    "allowed_hosts",
];

/// Why a `task.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`{}: {reason}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct TaskError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1 on, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

/// Reads a `task.toml`.
///
/// # Errors
/// [`TaskError`] with the line, and the nearest key where one is unknown that is nearly another.
pub fn read(path: &Path) -> Result<TaskConfig, TaskError> {
    let error = |line, reason| TaskError { path: path.to_owned(), line, reason };
    let text = fs::read_to_string(path).map_err(|err| error(None, format!("it cannot be read: {err}")))?;
    let at = |span: Option<Range<usize>>| span.map(|span| line_of(&text, span.start));
    let table = DeTable::parse(&text).map_err(|err| error(at(err.span()), err.message().to_owned()))?;
    if let Some((span, reason)) = near_key("", table.get_ref()) {
        return Err(error(at(Some(span)), reason));
    }
    toml::from_str(&text).map_err(|err| error(at(err.span()), err.message().to_owned()))
}

/// Returns where a key is that is nearly another, and what to say of it.
fn near_key(name: &str, table: &DeTable<'_>) -> Option<(Range<usize>, String)> {
    let known = KEYS.iter().find(|(of, _)| *of == name).map(|(_, keys)| *keys)?;
    table.iter().find_map(|(key, value)| {
        let text = key.get_ref().as_ref();
        if !known.contains(&text) {
            let near = nearest(text, known.iter().copied())?;
            return Some((key.span(), format!("unknown key `{text}`\nhint: did you mean `{near}`?")));
        }
        let below = if name.is_empty() { text.to_owned() } else { format!("{name}.{text}") };
        near_key(&below, inner(value)?)
    })
}

fn inner<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Option<&'a DeTable<'i>> {
    value.get_ref().as_table()
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
