//! Opens the environment that the settings name.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use async_trait::async_trait;
use env_core::{Environment, EnvironmentRequest, Instance, OpenError, SandboxProviders};
use serde_json::Value;
use tokio_util::task::TaskTracker;
use tool_core::{SandboxConfig, SandboxError, SandboxProvider};

use crate::config::{EnvConfig, Resolved};
use crate::plugs::{Plugs, host};

/// The providers of a command, which are closed when it ends, and the tasks that use them.
#[derive(Default)]
pub struct Providers {
    connected: Mutex<Vec<Arc<dyn SandboxProvider>>>,
    /// Tasks that may start sandboxes. When a command is interrupted they are aborted, which takes a moment.
    pub tasks: TaskTracker,
}

impl Providers {
    async fn connect(
        &self,
        plugs: &Plugs,
        config: &SandboxConfig,
        run: &str,
    ) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let plug = plugs.find_sandbox(config)?;
        let connected = plug.connect(config, &host(), run).await;
        let provider = connected.context("no sandbox is available")?;
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).push(provider.clone());
        Ok(provider)
    }

    /// Returns the provider of the sandboxes in which patches are judged; the agent's where it is the same.
    async fn judge(
        &self,
        resolved: &Resolved,
        provider: &Arc<dyn SandboxProvider>,
        run: &str,
    ) -> anyhow::Result<Arc<dyn SandboxProvider>> {
        let of_agent = &resolved.config.sandbox;
        let config = resolved.config.env.judging(of_agent);
        let same = SandboxConfig { keep_history: of_agent.keep_history, ..config.clone() };
        if same == *of_agent { Ok(provider.clone()) } else { self.connect(&resolved.plugs, &config, run).await }
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

/// The providers of one environment's sandboxes.
struct Sandboxes<'a> {
    resolved: &'a Resolved,
    providers: &'a Providers,
    run: String,
}

#[async_trait]
impl SandboxProviders for Sandboxes<'_> {
    async fn of_episodes(&self) -> Result<Arc<dyn SandboxProvider>, OpenError> {
        Ok(self.providers.connect(&self.resolved.plugs, &self.resolved.config.sandbox, &self.run).await?)
    }

    async fn of_judging(
        &self,
        of_episodes: &Arc<dyn SandboxProvider>,
    ) -> Result<(Arc<dyn SandboxProvider>, String), OpenError> {
        let judge = self.providers.judge(self.resolved, of_episodes, &self.run).await?;
        Ok((judge, limits(&self.resolved.config.env, &self.resolved.config.sandbox)))
    }
}

/// Opens the environment that the settings ask for.
pub async fn open(resolved: &Resolved, providers: &Providers) -> anyhow::Result<Arc<dyn Environment>> {
    let env = &resolved.config.env;
    let dataset = env
        .dataset
        .as_deref()
        .context("no dataset is configured\nhint: `--dataset swe-bench-verified`, or a file of rows")?;
    let plug = resolved.plugs.find_environment(dataset).context("no environment supports the dataset")?;
    let request = EnvironmentRequest {
        dataset,
        kind: env.kind.as_deref(),
        settings: serde_json::to_value(env)?,
        keep_history: resolved.config.sandbox.keep_history,
        runs: &resolved.config.runs,
        providers: &Sandboxes { resolved, providers, run: resolved.run_name() },
    };
    plug.open(request).await.map_err(anyhow::Error::from_boxed)
}

/// Returns what of the sandboxes in which patches are judged may change a verdict. A local one has the machine's
/// network.
fn limits(env: &EnvConfig, of_agent: &SandboxConfig) -> String {
    let SandboxConfig { provider, network, memory, cpus, pids, disk, options, .. } = env.judging(of_agent);
    // Verdicts that are kept go by these very words.
    let (first, rest) = provider.split_at_checked(1).unwrap_or_default();
    let provider = first.to_uppercase() + rest;
    let options = if options.is_empty() { String::new() } else { format!(" {}", Value::Object(options)) };
    format!("{provider} {network:?} {memory} {cpus:?} {pids} {disk}{options}")
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

/// Refuses instances of which no episode could come to its end.
///
/// # Errors
/// With the first of them, and what can be done.
pub fn refuse_unsolvable<'a>(
    resolved: &Resolved,
    environment: &dyn Environment,
    instances: impl IntoIterator<Item = &'a Instance> + Clone,
) -> anyhow::Result<()> {
    if let Some(mute) = instances.clone().into_iter().find(|instance| instance.problem_statement.trim().is_empty()) {
        let id = &mute.instance_id;
        bail!("`{id}` has no issue text\nhint: put it into the column `problem_statement` of its row");
    }
    if resolved.config.evaluate {
        // An episode is too dear to end without the verdict that was asked for.
        let hint = "`-c evaluate=false` solves it without a verdict";
        refuse_unjudgeable(environment, instances, hint)?;
    }
    Ok(())
}

/// How many instances that cannot be judged are named.
const NAMED: usize = 10;
