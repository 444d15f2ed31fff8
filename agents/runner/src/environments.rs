//! From settings to an environment.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use async_trait::async_trait;
use dataset::{HubSettings, Row, Source};
use env_core::{
    Dialect, Environment, EnvironmentPlug, EnvironmentRequest, Instance, OpenError, SandboxProviders, nearest,
};
use grading::logs::Grader;
use sha2::{Digest, Sha256};
use swebench::{Datasets, Loaded, SweBench};
use tokio_util::task::TaskTracker;
use tool_core::{SandboxError, SandboxProvider};

use crate::config::{EnvConfig, Resolved};

/// Returns the environments that the program knows: the first that takes a dataset opens it.
fn plugs() -> anyhow::Result<Vec<Box<dyn EnvironmentPlug>>> {
    Ok(vec![Box::new(demo::Demo), Box::new(SweBench::new(hub())?)])
}

/// The providers of a command, which are closed when it ends, and the tasks that use them.
#[derive(Default)]
pub(crate) struct Providers {
    connected: Mutex<Vec<Arc<sandbox::Provider>>>,
    /// Tasks that may start sandboxes. When a command is interrupted they are aborted, which takes a moment.
    pub(crate) tasks: TaskTracker,
}

impl Providers {
    async fn connect(&self, config: &sandbox::Config, run: &str) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let connected = sandbox::connect(config, &sandbox::Host::from_process(), run).await;
        let provider = Arc::new(connected.context("no sandbox can be had")?);
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).push(provider.clone());
        Ok(provider)
    }

    /// Returns the provider of the sandboxes in which patches are judged; the agent's where it is the same.
    async fn judge(
        &self,
        env: &EnvConfig,
        of_agent: &sandbox::Config,
        provider: &Arc<dyn SandboxProvider>,
        run: &str,
    ) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let config = env.judging(of_agent);
        let same = sandbox::Config { keep_history: of_agent.keep_history, ..config.clone() };
        if same == *of_agent { Ok(provider.clone()) } else { self.connect(&config, run).await }
    }

    /// Removes the sandboxes that are still there, once the tasks have ended.
    pub(crate) async fn close(&self) -> Result<(), SandboxError> {
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

/// The providers of one environment's sandboxes.
struct Sandboxes<'a> {
    resolved: &'a Resolved,
    providers: &'a Providers,
    run: String,
}

#[async_trait]
impl SandboxProviders for Sandboxes<'_> {
    async fn of_episodes(&self) -> Result<Arc<dyn SandboxProvider>, OpenError> {
        Ok(self.providers.connect(&self.resolved.config.sandbox, &self.run).await?)
    }

    async fn of_judging(
        &self,
        of_episodes: &Arc<dyn SandboxProvider>,
    ) -> Result<(Arc<dyn SandboxProvider>, String), OpenError> {
        let (env, config) = (&self.resolved.config.env, &self.resolved.config.sandbox);
        let judge = self.providers.judge(env, config, of_episodes, &self.run).await?;
        Ok((judge, limits(env, config)))
    }
}

/// Opens the environment that the settings ask for.
pub(crate) async fn open(resolved: &Resolved, providers: &Providers) -> anyhow::Result<Arc<dyn Environment>> {
    let env = &resolved.config.env;
    let dataset = env
        .dataset
        .as_deref()
        .context("no dataset is configured\nhint: `--dataset swe-bench-verified`, or a file of rows")?;
    let plugs = plugs()?;
    let plug = plugs.iter().find(|plug| plug.takes(dataset)).context("no environment takes the dataset")?;
    let request = EnvironmentRequest {
        dataset,
        kind: env.kind.as_deref(),
        settings: serde_json::to_value(env)?,
        keep_history: resolved.config.sandbox.keep_history,
        providers: &Sandboxes { resolved, providers, run: resolved.run_name() },
    };
    plug.open(request).await.map_err(anyhow::Error::from_boxed)
}

/// Checks that there is an environment of this kind.
pub(crate) fn check_kind(kind: Option<&str>) -> anyhow::Result<()> {
    let Some(kind) = kind else { return Ok(()) };
    let known: Vec<String> = plugs()?.iter().flat_map(|plug| plug.kinds()).collect();
    if known.iter().any(|known| known == kind) {
        return Ok(());
    }
    let hint = match nearest(kind, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the kinds are `{}`", known.join("`, `")),
    };
    bail!("env.kind: unknown kind `{kind}`\nhint: {hint}")
}

/// Returns the provider of sandboxes for a dataset where none is configured; `None` for the usual one.
pub(crate) fn usual_provider(dataset: Option<&str>) -> anyhow::Result<Option<&'static str>> {
    let Some(dataset) = dataset else { return Ok(None) };
    Ok(plugs()?.iter().find(|plug| plug.takes(dataset)).and_then(|plug| plug.sandbox()))
}

/// Returns what of the sandboxes in which patches are judged may change a verdict. A local one has the machine's network.
fn limits(env: &EnvConfig, of_agent: &sandbox::Config) -> String {
    let sandbox::Config { provider, network, memory, cpus, pids, disk, .. } = env.judging(of_agent);
    format!("{provider:?} {network:?} {memory} {cpus:?} {pids} {disk}")
}

/// Returns the dataset that instance ids belong to; `None` without any id.
pub(crate) fn guess(ids: &[String]) -> anyhow::Result<Option<String>> {
    let plugs = plugs()?;
    let mut names = ids.iter().filter_map(|id| plugs.iter().find_map(|plug| plug.dataset_of(id)));
    let Some(first) = names.next() else { return Ok(None) };
    if names.any(|name| name != first) {
        bail!("the instances belong to several datasets\nhint: name one with `--dataset`");
    }
    Ok(Some(first))
}

/// Returns the rows of the dataset that the settings name, and its manifest.
pub(crate) async fn load_rows(resolved: &Resolved) -> anyhow::Result<Loaded> {
    let env = &resolved.config.env;
    let dataset = env.dataset.as_deref().context("no dataset is configured\nhint: `--dataset NAME|FILE`")?;
    if dataset == "demo" || env.kind.as_deref() == Some("demo") {
        bail!("the demo instances need no images");
    }
    Ok(Datasets::embedded()?.load(dataset, env.kind.as_deref(), &hub()).await?)
}

/// Returns what saved logs are judged by: the instances of datasets, in their order; without any dataset, those of the one
/// that the ids belong to; and those that ship with the project.
pub(crate) async fn load_grader(
    datasets: &[String],
    ids: &[String],
    dialect: Option<Dialect>,
) -> anyhow::Result<Grader> {
    let mut names = datasets.to_vec();
    if names.is_empty() {
        names.extend(guess(ids)?);
    }
    let mut grader = Grader::new(dialect);
    let known = Datasets::embedded()?;
    for name in names.iter().filter(|name| *name != "demo") {
        known.load(name, None, &hub()).await?.add_to(&mut grader)?;
    }
    for (Instance { instance_id, repo, .. }, spec) in demo::gradings() {
        if !grader.knows(&instance_id) {
            grader.add(&instance_id, &repo, Ok(spec));
        }
    }
    Ok(grader)
}

/// Refuses instances whose patches cannot be judged here, with why and what else can be done.
pub(crate) fn refuse_unjudgeable<'a>(
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
pub(crate) fn revision(dataset: &str) -> Option<String> {
    match Datasets::embedded().ok()?.resolve(dataset).ok()?.source {
        Source::Hub(dataset) => dataset::commit(&dataset, &hub()),
        Source::Path { path, .. } => {
            let digest = Sha256::digest(std::fs::read(path).ok()?);
            Some(format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
    }
}

/// Returns the rows of a dataset.
pub(crate) async fn load(dataset: &str) -> anyhow::Result<Vec<Row>> {
    Ok(Datasets::embedded()?.load(dataset, None, &hub()).await?.rows)
}

/// Returns where the hub is, by the variables that its own libraries read.
fn hub() -> HubSettings {
    HubSettings::from_vars(|name| std::env::var(name).ok())
}
