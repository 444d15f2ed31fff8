//! An environment over the rows of a dataset.

use std::sync::Arc;

use dataset::Row;
use env_core::EnvError;
use tool_core::SandboxProvider;

use crate::benchmark::Benchmark;
use crate::datasets::Datasets;
use crate::manifest::Manifest;
use crate::settings::BenchmarkSettings;

impl Benchmark {
    /// Returns an environment over the rows of a dataset.
    ///
    /// # Errors
    /// As [`Benchmark::new`], and [`EnvError::Broken`] when the specs of the manifest are broken. A row that cannot be
    /// judged only fails when it is used.
    pub fn of_rows(
        manifest: &Manifest,
        rows: Vec<Row>,
        settings: &BenchmarkSettings,
        provider: Arc<dyn SandboxProvider>,
    ) -> Result<Self, EnvError> {
        let rules = manifest.rules().map_err(|err| EnvError::Broken(err.to_string()))?;
        let entry = |row: Row| {
            let (instance, answers) = row.into_parts();
            rules.entry(instance, &answers, settings)
        };
        Self::new(manifest.kind(), rows.into_iter().map(entry).collect(), settings.keep_history, provider)
    }
}

/// Returns the environment over rows by the rules of a kind: `swe-bench` or `swe-gym`.
///
/// # Errors
/// As [`Benchmark::of_rows`], and when there is no such kind.
pub fn environment(
    kind: &str,
    rows: Vec<Row>,
    settings: &BenchmarkSettings,
    provider: Arc<dyn SandboxProvider>,
) -> Result<Benchmark, EnvError> {
    let broken = |err: String| EnvError::Broken(err);
    let datasets = Datasets::embedded().map_err(|err| broken(err.to_string()))?;
    let manifest = datasets.of_kind(kind).map_err(|err| broken(err.to_string()))?;
    Benchmark::of_rows(manifest, rows, settings, provider)
}
