//! From settings to an environment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use dataset::{HubSettings, Row, Source};
use env_core::{BenchmarkSettings, Environment, Instance};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;
use tool_core::{SandboxConfig, SandboxError, SandboxProvider};

use crate::config::{EnvConfig, EnvKind, Resolved};
use crate::sandboxes;

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

/// The providers of a command, which are closed when it ends, and the tasks that use them.
#[derive(Default)]
pub struct Providers {
    connected: Mutex<Vec<Arc<dyn SandboxProvider>>>,
    /// Tasks that may start sandboxes. When a command is interrupted they are aborted, which takes a moment.
    pub tasks: TaskTracker,
}

impl Providers {
    async fn connect(&self, config: &SandboxConfig, run: &str) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let plug = sandboxes::find(sandboxes::PLUGS, config)?;
        let connected = plug.connect(config, &sandboxes::host(), run).await;
        let provider = connected.context("no sandbox can be had")?;
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).push(provider.clone());
        Ok(provider)
    }

    /// Returns the provider of the sandboxes in which patches are judged; the agent's where it is the same.
    async fn judge(
        &self,
        env: &EnvConfig,
        of_agent: &SandboxConfig,
        provider: &Arc<dyn SandboxProvider>,
        run: &str,
    ) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let config = env.judging(of_agent);
        let same = SandboxConfig { keep_history: of_agent.keep_history, ..config.clone() };
        if same == *of_agent { Ok(provider.clone()) } else { self.connect(&config, run).await }
    }

    /// Removes the sandboxes that are still there, once the tasks have ended.
    pub async fn close(&self) -> Result<(), SandboxError> {
        self.tasks.close();
        self.tasks.wait().await;
        let providers = std::mem::take(&mut *self.connected.lock().unwrap_or_else(PoisonError::into_inner));
        let mut closed = Ok(());
        for provider in providers {
            closed = closed.and(provider.close().await);
        }
        closed
    }
}

/// Opens the environment that the settings ask for.
pub async fn open(resolved: &Resolved, providers: &Providers) -> anyhow::Result<Arc<dyn Environment>> {
    let env = &resolved.config.env;
    let dataset = env
        .dataset
        .clone()
        .context("no dataset is configured\nhint: `--dataset swe-bench-verified`, or a file of rows")?;
    let config = &resolved.config.sandbox;
    let run = resolved.run_name();
    if dataset == "demo" {
        let provider = providers.connect(config, &run).await?;
        let judge = providers.judge(env, config, &provider, &run).await?;
        let demo =
            demo::environment(provider, config.keep_history)?.judged_by(demo::committed(judge), limits(env, config));
        return Ok(Arc::new(demo.with_timeout(Duration::from_secs(env.eval_timeout))));
    }
    let rows = load(&dataset).await?;
    let settings = BenchmarkSettings {
        image: env.image.clone(),
        dialect: env.dialect,
        eval_timeout: env.eval_timeout,
        keep_history: config.keep_history,
    };
    let provider = providers.connect(config, &run).await?;
    let judge = providers.judge(env, config, &provider, &run).await?;
    let benchmark = match env.kind.unwrap_or_else(|| kind_of(&dataset, &rows)) {
        EnvKind::Demo => bail!("the demo instances take no dataset"),
        EnvKind::SweGym => swegym::environment(rows, &settings, provider)?,
        EnvKind::SweBench => swebench::environment(rows, &settings, provider)?,
    };
    Ok(Arc::new(benchmark.judged_by(judge, limits(env, config))))
}

/// Returns what of the sandboxes in which patches are judged may change a verdict. A local one has the machine's network.
fn limits(env: &EnvConfig, of_agent: &SandboxConfig) -> String {
    let SandboxConfig { provider, network, memory, cpus, pids, disk, options, .. } = env.judging(of_agent);
    // Verdicts that are kept go by these very words.
    let (first, rest) = provider.split_at_checked(1).unwrap_or_default();
    let provider = first.to_uppercase() + rest;
    let options = if options.is_empty() { String::new() } else { format!(" {}", Value::Object(options)) };
    format!("{provider} {network:?} {memory} {cpus:?} {pids} {disk}{options}")
}

/// Returns the dataset that instance ids belong to; `None` without any id.
pub fn guess(ids: &[String]) -> anyhow::Result<Option<&'static str>> {
    let mut names = ids.iter().map(|id| {
        let owner = id.split("__").next().unwrap_or_default().to_lowercase();
        match owner.as_str() {
            "demo" => "demo",
            owner if SWE_GYM_OWNERS.contains(&owner) => "swe-gym",
            _ => "swe-bench",
        }
    });
    let Some(first) = names.next() else { return Ok(None) };
    if names.any(|name| name != first) {
        bail!("the instances belong to several datasets\nhint: name one with `--dataset`");
    }
    Ok(Some(first))
}

/// Returns the rows of the dataset that the settings name, and their kind.
pub async fn load_rows(resolved: &Resolved) -> anyhow::Result<(Vec<Row>, EnvKind)> {
    let env = &resolved.config.env;
    let dataset = env.dataset.as_deref().context("no dataset is configured\nhint: `--dataset NAME|FILE`")?;
    if dataset == "demo" {
        return Ok((Vec::new(), EnvKind::Demo));
    }
    let rows = load(dataset).await?;
    let kind = env.kind.unwrap_or_else(|| kind_of(dataset, &rows));
    Ok((rows, kind))
}

/// Refuses instances whose patches cannot be judged here, with why and what else can be done.
pub fn refuse_unjudgeable<'a>(
    environment: &dyn Environment,
    instances: impl IntoIterator<Item = &'a Instance>,
    hint: &str,
) -> anyhow::Result<()> {
    let refused = instances.into_iter().filter_map(|instance| environment.check_judging(instance).err());
    let refused: Vec<String> = refused.map(|err| err.to_string()).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let named = refused.iter().take(NAMED).cloned().collect::<Vec<_>>().join("\n");
    let more = refused.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("\nand {more} more") };
    bail!("patches cannot be judged here: {named}{more}\nhint: {hint}")
}

/// How many instances that cannot be judged are named.
const NAMED: usize = 10;

/// Returns the revision of a dataset: the commit of one from the hub, a digest of a file.
pub fn revision(dataset: &str) -> Option<String> {
    match Source::parse(dataset).ok()? {
        Source::Hub(dataset) => dataset::commit(&dataset, &HubSettings::from_vars(|name| std::env::var(name).ok())),
        Source::Path { path, .. } => {
            let digest = Sha256::digest(std::fs::read(path).ok()?);
            Some(format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
    }
}

pub async fn load(dataset: &str) -> anyhow::Result<Vec<Row>> {
    let settings = HubSettings::from_vars(|name| std::env::var(name).ok());
    let loaded = dataset::load(&Source::parse(dataset)?, &settings).await;
    loaded.with_context(|| format!("dataset `{dataset}`"))
}

/// Returns the kind of a dataset by its name, else by its rows' repositories.
pub fn kind_of(dataset: &str, rows: &[Row]) -> EnvKind {
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
