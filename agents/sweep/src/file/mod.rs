//! The sweep file: read, and checked as far as it can be by itself.

mod amounts;
mod engine;
mod source;
mod spec;

use std::path::Path;

use anyhow::Context;
use env_core::nearest;
use serde_yaml::{Mapping, Value};

pub use engine::{EngineKind, EngineSpec, KubernetesSpec};
pub use source::{Problem, Source, join};
pub use spec::{Budget, Instances, Order, Retries, Samples, Spec, Stop};

/// The keys that a sweep file may have, by the path of what holds them.
const KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "name",
            "agent",
            "base",
            "matrix",
            "include",
            "exclude",
            "instances",
            "samples",
            "workers",
            "budget",
            "stop",
            "retries",
            "order",
            "engine",
        ],
    ),
    ("instances", &["dataset", "ids", "file", "filter", "shuffle", "slice", "unsolved_in"]),
    ("samples", &["count", "overrides"]),
    ("budget", &["cost", "tokens", "hours"]),
    ("stop", &["solved"]),
    ("retries", &["count", "wait"]),
    (
        "engine",
        &[
            "kind",
            "pilots",
            "time",
            "cpus",
            "memory",
            "setup",
            "options",
            "resubmit",
            "restarts",
            "partition",
            "account",
            "ray",
            "kubernetes",
        ],
    ),
    ("engine.ray", &["address"]),
    ("engine.kubernetes", &["image", "program", "claim", "mount", "namespace", "service_account", "secret"]),
];
/// Keys that hold key paths of the configuration.
const SETTINGS: &[&str] = &["base", "matrix"];
/// More workers than any machine can use.
const MOST_WORKERS: usize = 10_000;
/// More samples than anyone takes.
const MOST_SAMPLES: u32 = 100_000;

/// A sweep file.
#[derive(Debug, Clone)]
pub struct File {
    /// What it says.
    pub spec: Spec,
    /// Where it says it.
    pub source: Source,
    /// Its text.
    pub text: String,
}

impl File {
    /// Reads a sweep file.
    ///
    /// # Errors
    /// [`Problem`] with the line and column of what is wrong, and with the nearest known key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the sweep file `{}`", path.display()))?;
        Ok(Self::parse(path, text)?)
    }

    /// Reads the text of a sweep file; `path` is its name in errors.
    ///
    /// # Errors
    /// As [`File::read`].
    pub fn parse(path: &Path, text: String) -> Result<Self, Problem> {
        let source = Source::parse(path, &text)?;
        let value: Value =
            serde_yaml::from_str(&text).map_err(|err| source.at("", format!("this is not YAML: {err}")))?;
        let mapping = match value {
            Value::Mapping(mapping) => mapping,
            Value::Null => return Err(source.at("", "the file is empty\nhint: `instances` says what is run")),
            _ => return Err(source.at("", "the file must hold keys with values, such as `instances`")),
        };
        check_keys(&source, &mapping, "")?;
        let spec = serde_path_to_error::deserialize(Value::Mapping(mapping)).map_err(|err| {
            let (mut path, mut why) = (err.path().to_string(), in_plain_words(&err.into_inner().to_string()));
            // An engine is read in two ways, so that the key below it is told by the error itself.
            if let Some((key, rest)) = why.split_once(": ").filter(|(key, _)| source.has(&join(&path, key))) {
                (path, why) = (join(&path, key), rest.to_owned());
            }
            source.at(&path, format!("`{path}`: {why}"))
        })?;
        let file = Self { spec, source, text };
        file.check()?;
        Ok(file)
    }

    /// Returns the file with another engine.
    ///
    /// # Errors
    /// When it lacks what that engine needs.
    pub fn with_engine(mut self, kind: EngineKind) -> Result<Self, Problem> {
        self.spec.engine.kind = kind;
        self.check()?;
        Ok(self)
    }

    /// Checks what does not depend on the configuration.
    fn check(&self) -> Result<(), Problem> {
        let Spec { workers, samples, budget, stop, retries, matrix, .. } = &self.spec;
        let refuse = |path: &str, message: &str| Err(self.source.at(path, format!("`{path}` {message}")));
        if workers.is_some_and(|workers| !(1..=MOST_WORKERS).contains(&workers)) {
            return refuse("workers", &format!("must be from 1 to {MOST_WORKERS}"));
        }
        if samples.count.is_some_and(|count| !(1..=MOST_SAMPLES).contains(&count)) {
            let path = if self.source.has("samples.count") { "samples.count" } else { "samples" };
            return refuse(path, &format!("must be from 1 to {MOST_SAMPLES}"));
        }
        let none = "must be a number above 0\nhint: leave it out for no limit";
        for (path, value) in [("budget.cost", budget.cost), ("budget.hours", budget.hours)] {
            if value.is_some_and(|value| !(value > 0.0 && value.is_finite())) {
                return refuse(path, none);
            }
        }
        if budget.tokens == Some(0) {
            return refuse("budget.tokens", none);
        }
        if stop.solved == Some(0) {
            return refuse("stop.solved", "must be at least 1\nhint: leave it out to run every sample");
        }
        if !(0.0..=3600.0).contains(&retries.wait) {
            return refuse("retries.wait", "must be a number of seconds from 0 to 3600");
        }
        if matrix.as_ref().is_some_and(Mapping::is_empty) {
            return refuse("matrix", "is empty\nhint: leave it out for a single cell");
        }
        match self.spec.engine.wrong() {
            Some((key, why)) => refuse(&join("engine", key), why),
            None => Ok(()),
        }
    }
}

/// Returns an error without the names of types that only a programmer knows.
pub(crate) fn in_plain_words(err: &str) -> String {
    let words = [("expected usize", "expected a whole number"), ("expected u64", "expected a whole number")];
    let words = words.into_iter().chain([
        ("expected u32", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
    ]);
    words.fold(err.to_owned(), |err, (from, to)| err.replace(from, to))
}

/// Checks that every key of the file's own is a known one.
fn check_keys(source: &Source, mapping: &Mapping, path: &str) -> Result<(), Problem> {
    let Some((_, known)) = KEYS.iter().find(|(of, _)| *of == path) else { return Ok(()) };
    for (key, value) in mapping {
        let name = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
        let full = join(path, &name);
        if !known.contains(&name.as_str()) {
            let hint = match nearest(&name, known.iter().copied()) {
                Some(near) => format!("did you mean `{}`?", join(path, near)),
                None if path.is_empty() => {
                    format!(
                        "the keys are `{}`; settings of the agent and its model go below `base`",
                        known.join("`, `")
                    )
                }
                None => format!("the keys of `{path}` are `{}`", known.join("`, `")),
            };
            return Err(source.at(&full, format!("unknown key `{full}`\nhint: {hint}")));
        }
        match value {
            Value::Mapping(below) => check_keys(source, below, &full)?,
            Value::Null => {}
            _ if SETTINGS.contains(&full.as_str()) => {
                let given = serde_yaml::to_string(value).unwrap_or_default();
                let hint = match full.as_str() {
                    "base" => "write the settings of that file here, or add it with `-c FILE`",
                    _ => "write key paths with lists of values, such as `model.temperature: [0, 0.5]`",
                };
                let message = format!("`{full}` takes keys, not the value `{}`\nhint: {hint}", given.trim());
                return Err(source.at(&full, message));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
