//! What saved logs are judged by.

use std::collections::HashMap;

use anyhow::{Context, bail};
use env_core::{Dialect, EnvError, nearest};

use super::log_dialect::LogDialect;
use super::saved::Source;
use crate::grading_spec::GradingSpec;

/// What logs are judged by, by the instance's id in lower case.
#[derive(Default)]
pub struct Grader {
    /// Those of one instance are in the order in which they were added.
    specs: HashMap<String, Vec<Known>>,
    /// All ids, for the nearest one.
    ids: Vec<String>,
    /// The dialect for every log, in place of its own.
    dialect: Option<Dialect>,
}

/// What a dataset has of one instance.
struct Known {
    repo: String,
    /// What logs of it are judged by, or why none can be.
    spec: Result<GradingSpec, String>,
}

impl Grader {
    /// Returns a grader without any instance, with the dialect that every log is read by where it is set.
    pub fn new(dialect: Option<Dialect>) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// Adds what logs of an instance are judged by, or why none can be. Of several of one instance the first counts.
    pub fn add(&mut self, instance_id: &str, repo: &str, spec: Result<GradingSpec, String>) {
        self.ids.push(instance_id.to_owned());
        self.specs.entry(instance_id.to_lowercase()).or_default().push(Known { repo: repo.to_owned(), spec });
    }

    /// Returns whether the instance was added.
    pub fn knows(&self, instance_id: &str) -> bool {
        self.specs.contains_key(&instance_id.to_lowercase())
    }

    /// Returns the dialect that was set for every log.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// Returns the repository of an instance.
    pub fn repo(&self, instance_id: &str) -> Option<&str> {
        Some(&self.specs.get(&instance_id.to_lowercase())?.first()?.repo)
    }

    /// Returns what a log of an instance is judged by: what was added first, read as the harness whose marks the log
    /// bears, unless a dialect was set for all logs or is known of this one (`known`).
    ///
    /// # Errors
    /// When the instance was not added, naming the nearest id, when no log of it can be judged, and when the log cannot
    /// be read.
    pub fn spec_of_log(
        &self,
        instance_id: &str,
        known: Option<Dialect>,
        log: &mut dyn Source,
    ) -> anyhow::Result<(GradingSpec, LogDialect)> {
        let mut spec = self.specs(instance_id, known)?.swap_remove(0);
        let is_set = self.dialect.or(known).is_some();
        let found = LogDialect::of(log, spec.dialect, is_set).context("the log cannot be read")?;
        spec.dialect = found.read_as;
        Ok((spec, found))
    }

    /// Returns what a log of an instance may be judged by, of which there is at least one.
    ///
    /// # Errors
    /// When the instance was not added, naming the nearest id, and when no log of it can be judged.
    pub fn specs(&self, instance_id: &str, dialect: Option<Dialect>) -> anyhow::Result<Vec<GradingSpec>> {
        let dialect = self.dialect.or(dialect);
        let Some(known) = self.specs.get(&instance_id.to_lowercase()) else {
            let nearest = nearest(instance_id, self.ids.iter().map(String::as_str)).map(str::to_owned);
            let err = EnvError::UnknownInstance { id: instance_id.to_owned(), nearest };
            bail!("{err}\nhint: `--dataset` names where instances are");
        };
        let specs = known.iter().map(|known| match &known.spec {
            Ok(spec) => Ok(GradingSpec { dialect: dialect.unwrap_or(spec.dialect), ..spec.clone() }),
            Err(reason) => Err(anyhow::Error::msg(reason.clone())),
        });
        specs.collect::<anyhow::Result<Vec<_>>>().with_context(|| format!("instance `{instance_id}`"))
    }
}
