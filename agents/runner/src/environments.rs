//! From settings to an environment.

use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use dataset::{HubSettings, Row, Source};
use env_core::{BenchmarkSettings, Environment};
use tool_core::SandboxProvider;

use crate::config::{EnvKind, Resolved};

/// The owners of SWE-Gym's repositories, by which an instance id tells its dataset.
const SWE_GYM_OWNERS: &[&str] = &[
    "pandas-dev",
    "project-monai",
    "getmoto",
    "python",
    "iterative",
    "dask",
    "modin-project",
    "pydantic",
    "conan-io",
    "facebookresearch",
    "bokeh",
];

/// Opens the environment that the settings or, without a dataset, the instance ids ask for.
pub(crate) async fn open(
    resolved: &Resolved,
    ids: &[String],
    provider: &OnceLock<Arc<sandbox::Provider>>,
) -> anyhow::Result<Arc<dyn Environment>> {
    let env = &resolved.config.env;
    let dataset = match &env.dataset {
        Some(dataset) => dataset.clone(),
        None => guess(ids)?.to_owned(),
    };
    if dataset == "demo" {
        let started = start(resolved, true, provider).await?;
        return Ok(Arc::new(demo::environment(started, resolved.config.sandbox.keep_history)?));
    }
    let rows = load(&dataset).await?;
    let kind = env.kind.unwrap_or_else(|| kind_of(&dataset, &rows));
    let settings = BenchmarkSettings {
        image: env.image.clone(),
        dialect: env.dialect,
        eval_timeout: env.eval_timeout,
        keep_history: resolved.config.sandbox.keep_history,
    };
    let provider = start(resolved, false, provider).await?;
    Ok(match kind {
        EnvKind::Demo => bail!("the demo instances take no dataset"),
        EnvKind::SweGym => Arc::new(swegym::environment(rows, &settings, provider)?),
        EnvKind::SweBench => Arc::new(swebench::environment(rows, &settings, provider)?),
    })
}

/// Connects to the sandbox provider; the demo instances run locally unless a provider was chosen.
async fn start(
    resolved: &Resolved,
    is_demo: bool,
    slot: &OnceLock<Arc<sandbox::Provider>>,
) -> anyhow::Result<Arc<dyn SandboxProvider>> {
    let mut config = resolved.config.sandbox.clone();
    if is_demo && !resolved.provider_chosen {
        config.provider = sandbox::Kind::Local;
    }
    let connected = sandbox::connect(&config, &sandbox::Host::from_process(), &resolved.run_name()).await;
    let provider = Arc::new(connected.context("no sandbox can be had")?);
    let kept = slot.get_or_init(|| provider);
    Ok(kept.clone())
}

/// Returns the dataset that instance ids belong to.
fn guess(ids: &[String]) -> anyhow::Result<&'static str> {
    let mut names = ids.iter().map(|id| {
        let owner = id.split("__").next().unwrap_or_default().to_lowercase();
        match owner.as_str() {
            "demo" => "demo",
            owner if SWE_GYM_OWNERS.contains(&owner) => "swe-gym",
            _ => "swe-bench",
        }
    });
    match names.next() {
        None => bail!("no dataset is configured\nhint: `--dataset swe-bench-verified`, or a file of rows"),
        Some(first) if names.all(|name| name == first) => Ok(first),
        Some(_) => bail!("the instances belong to several datasets\nhint: name one with `--dataset`"),
    }
}

async fn load(dataset: &str) -> anyhow::Result<Vec<Row>> {
    let settings = HubSettings::from_vars(|name| std::env::var(name).ok());
    let loaded = dataset::load(&Source::parse(dataset)?, &settings).await;
    loaded.with_context(|| format!("dataset `{dataset}`"))
}

/// Returns the kind of a dataset by its name, else by its rows' repositories.
fn kind_of(dataset: &str, rows: &[Row]) -> EnvKind {
    let is_gym = |row: &Row| {
        let owner = row.repo.split('/').next().unwrap_or_default().to_lowercase();
        SWE_GYM_OWNERS.contains(&owner.as_str())
    };
    if dataset.to_lowercase().contains("swe-gym") || (!rows.is_empty() && rows.iter().all(is_gym)) {
        EnvKind::SweGym
    } else {
        EnvKind::SweBench
    }
}
