//! Datasets of SWE-bench's shape, as the configuration sees them.

use std::sync::Arc;

use async_trait::async_trait;
use audit::{Certificates, Gate};
use dataset::{HubSettings, Source};
use env_core::{Environment, EnvironmentPlug, EnvironmentRequest, OpenError, sha256};
use images::ImageSettings;
use serde::Deserialize;

use crate::benchmark::Benchmark;
use crate::datasets::{Datasets, Loaded};
use crate::settings::BenchmarkSettings;

/// Datasets of SWE-bench's shape, as the configuration sees them.
pub struct SweBench {
    /// An error when one of the project's own manifests is broken, which is told when a dataset is asked for.
    datasets: Result<Datasets, String>,
    hub: HubSettings,
}

/// What of the block `env` matters here.
#[derive(Deserialize)]
struct Settings {
    image: ImageSettings,
    dialect: Option<env_core::Dialect>,
    eval_timeout: u64,
    judging: env_core::Judging,
    on_leak: env_core::OnLeak,
}

impl SweBench {
    /// Returns the environment over the datasets that ship with the project, and over a user's.
    pub fn new(hub: HubSettings) -> Self {
        Self { datasets: Datasets::embedded().map_err(|err| err.to_string()), hub }
    }
}

#[async_trait]
impl EnvironmentPlug for SweBench {
    fn name(&self) -> &'static str {
        "swe-bench"
    }

    fn kinds(&self) -> Vec<String> {
        self.datasets.as_ref().map(Datasets::kinds).unwrap_or_default()
    }

    /// Whatever is named may be a dataset.
    fn takes(&self, _dataset: &str) -> bool {
        true
    }

    /// Every instance may be one of SWE-bench.
    fn dataset_of(&self, instance_id: &str) -> Option<String> {
        Some(self.datasets.as_ref().ok()?.of_instance(instance_id).to_owned())
    }

    fn revision(&self, dataset: &str) -> Option<String> {
        match self.datasets.as_ref().ok()?.resolve(dataset).ok()?.source {
            Source::Hub(dataset) => dataset::commit(&dataset, &self.hub),
            Source::Path { path, .. } => Some(format!("sha256:{}", sha256(std::fs::read(path).ok()?))),
        }
    }

    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError> {
        let datasets = self.datasets.as_ref().map_err(String::clone)?;
        if let Some(kind) = request.kind.filter(|kind| self.kinds().iter().all(|known| known != kind)) {
            return Err(format!("the {kind} instances do not take a dataset").into());
        }
        let Loaded { rows, manifest } = datasets.load(request.dataset, request.kind, &self.hub).await?;
        let Settings { image, dialect, eval_timeout, judging, on_leak } = serde_json::from_value(request.settings)?;
        let settings = BenchmarkSettings { image, dialect, eval_timeout, keep_history: request.keep_history };
        let provider = request.providers.of_episodes().await?;
        let (judge, limits) = request.providers.of_judging(&provider).await?;
        let benchmark = Benchmark::of_rows(&manifest, rows, &settings, provider)?;
        let gate = Gate::new(Certificates::below(request.runs), on_leak);
        Ok(Arc::new(benchmark.judged_by(judge, limits).judging(judging).audited(gate)))
    }
}
