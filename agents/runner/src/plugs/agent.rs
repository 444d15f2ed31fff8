//! An agent as the command line knows it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use agent_core::{Agent, Episode, EpisodeParts, Header, Outcome, run};
use anyhow::Context;
use schemars::{Schema, schema_for};
use serde_yaml::Value;

/// An agent as the command line sees it: its name, its settings, and how to run it.
#[derive(Clone, Copy)]
pub struct AgentPlug {
    /// The agent's name.
    pub name: &'static str,
    /// The agent's layer of defaults, YAML.
    pub defaults: &'static str,
    pub(crate) settings: fn() -> anyhow::Result<Value>,
    /// The schema of the agent's own settings, with the docs of their fields.
    pub(crate) schema: fn() -> Schema,
    pub(crate) prepare: fn(Value) -> anyhow::Result<Start>,
}

/// Starts an episode of an agent with its settings, which all episodes share; the toolbox of the parts is filled in by
/// the agent.
pub(crate) type Start = Arc<dyn Fn(EpisodeParts, Header) -> Running + Send + Sync>;

/// An episode under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// Returns an agent as the command line sees it. `defaults` is the agent's `config.yaml`.
pub fn plug<A: Agent>(defaults: &'static str) -> AgentPlug {
    AgentPlug {
        name: A::NAME,
        defaults,
        settings: settings::<A>,
        schema: || schema_for!(A::Config),
        prepare: prepare::<A>,
    }
}

/// Returns the agent's own settings at their defaults.
fn settings<A: Agent>() -> anyhow::Result<Value> {
    serde_yaml::to_value(A::Config::default()).context("the agent's settings cannot be written as YAML")
}

/// Reads settings, once for all episodes: what their clones share, the episodes share. Checks that an agent can be made
/// of them, and that its tools can be told apart.
fn prepare<A: Agent>(settings: Value) -> anyhow::Result<Start> {
    let unfit = || format!("the settings of `{}` are not valid", A::NAME);
    let config = serde_path_to_error::deserialize::<_, A::Config>(settings).with_context(unfit)?;
    let tools = A::new(config.clone()).tools();
    tools.check().map_err(|err| anyhow::anyhow!("{}: {err}", unfit()))?;
    Ok(Arc::new(move |parts, header| start(A::new(config.clone()), parts, header)))
}

fn start<A: Agent>(agent: A, mut parts: EpisodeParts, header: Header) -> Running {
    Box::pin(async move {
        parts.toolbox = agent.tools();
        let episode = Episode::begin(parts, header)?;
        Ok(run(agent, episode).await)
    })
}
