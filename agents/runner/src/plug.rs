//! An agent as the command line sees it.

use std::future::Future;
use std::pin::Pin;

use agent_core::{Agent, Episode, EpisodeParts, Header, Outcome, run};
use anyhow::Context;
use serde_yaml::Value;

/// An agent as the command line sees it: its name, its settings, and how to run it.
#[derive(Clone, Copy)]
pub struct Plug {
    /// The agent's name.
    pub name: &'static str,
    /// The agent's layer of defaults, YAML.
    pub defaults: &'static str,
    pub(crate) settings: fn() -> anyhow::Result<Value>,
    pub(crate) check: fn(Value) -> anyhow::Result<()>,
    pub(crate) run: fn(Value, EpisodeParts, Header) -> Running,
}

/// An episode under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// Returns an agent as the command line sees it. `defaults` is the agent's `config.yaml`.
pub fn plug<A: Agent>(defaults: &'static str) -> Plug {
    Plug { name: A::NAME, defaults, settings: settings::<A>, check: check::<A>, run: start::<A> }
}

/// Returns the agent's own settings at their defaults.
fn settings<A: Agent>() -> anyhow::Result<Value> {
    serde_yaml::to_value(A::Config::default()).context("the agent's settings cannot be written as YAML")
}

/// Returns an agent with these settings.
fn agent<A: Agent>(settings: Value) -> anyhow::Result<A> {
    let config = serde_path_to_error::deserialize::<_, A::Config>(settings);
    Ok(A::new(config.with_context(|| format!("the settings of `{}` do not fit", A::NAME))?))
}

/// Checks that an agent can be made of these settings, and that its tools can be told apart.
fn check<A: Agent>(settings: Value) -> anyhow::Result<()> {
    let tools = agent::<A>(settings)?.tools();
    tools.check().map_err(|err| anyhow::anyhow!("the settings of `{}` do not fit: {err}", A::NAME))
}

/// Runs one episode; the toolbox of `parts` is filled in by the agent.
fn start<A: Agent>(settings: Value, mut parts: EpisodeParts, header: Header) -> Running {
    Box::pin(async move {
        let agent = agent::<A>(settings)?;
        parts.toolbox = agent.tools();
        let episode = Episode::begin(parts, header)?;
        Ok(run(agent, episode).await)
    })
}
