//! The plugs that a program is made of.

mod agent;
mod sandboxes;

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_core::Agent;
use anyhow::bail;
use env_core::{EnvironmentPlug, nearest};
use tool_core::{Connect, SandboxConfig, SandboxPlug};

use crate::config::invalid_setting::InvalidSetting;
pub(crate) use agent::Start;
pub use agent::{AgentPlug, plug};
pub use sandboxes::host;

/// The agents, environments and providers of sandboxes that a program knows.
///
/// The first agent is the one that runs when none is named. A dataset is opened by the first environment that supports
/// it.
#[derive(Clone, Default)]
pub struct Plugs {
    agents: Vec<AgentPlug>,
    environments: Vec<Arc<dyn EnvironmentPlug>>,
    sandboxes: Vec<SandboxPlug>,
    templates: BTreeMap<String, String>,
}

impl Plugs {
    /// Adds an agent; `defaults` is its layer of configuration, YAML.
    #[must_use]
    pub fn agent<A: Agent>(mut self, defaults: &'static str) -> Self {
        self.agents.push(plug::<A>(defaults));
        self
    }

    /// Adds an environment, which takes precedence over those that were added earlier.
    #[must_use]
    pub fn environment(mut self, environment: impl EnvironmentPlug + 'static) -> Self {
        self.environments.insert(0, Arc::new(environment));
        self
    }

    /// Adds a provider of sandboxes.
    #[must_use]
    pub fn sandbox<P: Connect>(mut self) -> Self {
        self.sandboxes.push(SandboxPlug::of::<P>());
        self
    }

    /// Adds a template, or overrides the embedded one of this name, such as `tools/my_tool.md`; a user's folder of
    /// templates overrides both.
    #[must_use]
    pub fn template(mut self, name: &str, text: &str) -> Self {
        self.templates.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Returns the templates that the program brings.
    pub(crate) fn templates(&self) -> &BTreeMap<String, String> {
        &self.templates
    }

    /// Returns the providers of sandboxes, in the order in which they were added.
    pub fn sandboxes(&self) -> &[SandboxPlug] {
        &self.sandboxes
    }

    /// Returns the name of the agent that runs when none is named.
    pub fn first_agent(&self) -> Option<&'static str> {
        self.agents.first().map(|plug| plug.name)
    }

    /// Returns the agent of a name, or the first one.
    pub(crate) fn find_agent(&self, name: Option<&str>) -> anyhow::Result<AgentPlug> {
        let found = match name {
            None => self.agents.first(),
            Some(name) => self.agents.iter().find(|plug| plug.name == name),
        };
        let known = || self.agents.iter().map(|plug| plug.name);
        found.copied().ok_or_else(|| {
            let name = name.unwrap_or("");
            let near = nearest(name, known()).map(|near| format!("\nhint: did you mean `{near}`?")).unwrap_or_default();
            let known = known().collect::<Vec<_>>().join("`, `");
            InvalidSetting::new("agent", format!("unknown agent `{name}`{near}\nhint: the agents are `{known}`")).into()
        })
    }

    /// Returns the provider of sandboxes that the settings name, which must take its own settings.
    ///
    /// # Errors
    /// When there is none of that name, with the nearest, or when it does not take `sandbox.options`.
    pub fn find_sandbox(&self, config: &SandboxConfig) -> anyhow::Result<&SandboxPlug> {
        sandboxes::find(&self.sandboxes, config)
    }

    /// Returns the environment that takes a dataset.
    pub(crate) fn find_environment(&self, dataset: &str) -> Option<&Arc<dyn EnvironmentPlug>> {
        self.environments.iter().find(|plug| plug.takes(dataset))
    }

    /// Returns the dataset that instance ids belong to; `None` without any id.
    ///
    /// # Errors
    /// When they belong to several.
    pub fn dataset_of(&self, ids: &[String]) -> anyhow::Result<Option<String>> {
        let mut names = ids.iter().filter_map(|id| self.environments.iter().find_map(|plug| plug.dataset_of(id)));
        let Some(first) = names.next() else { return Ok(None) };
        if names.any(|name| name != first) {
            bail!("the instances belong to several datasets\nhint: name one with `--dataset`");
        }
        Ok(Some(first))
    }

    /// Checks that there is an environment of this kind.
    pub(crate) fn check_kind(&self, kind: Option<&str>) -> anyhow::Result<()> {
        let Some(kind) = kind else { return Ok(()) };
        let known: Vec<String> = self.environments.iter().flat_map(|plug| plug.kinds()).collect();
        if known.iter().any(|known| known == kind) {
            return Ok(());
        }
        let hint = match nearest(kind, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the kinds are `{}`", known.join("`, `")),
        };
        bail!("env.kind: unknown kind `{kind}`\nhint: {hint}")
    }
}
