//! From settings to the model of an episode.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use agent_core::{Completion, Model, ModelError, Request, Secrets, ToolSpec, describe};
use anyhow::{Context, anyhow};
use async_trait::async_trait;
use env_core::{Instance, RecordedEpisodes};
use grading::read_given;
use journal::hide;
use llm::{BudgetLimits, Embeddings, Gateway, Gateways, ModelConfig, OnDivergence, Provider, Replay, Script};
use prompts::Prompts;
use tool_core::Embed;

use crate::config::{Resolved, digest, overrides};
use crate::engine::Worker;

/// What the models of a cell's episodes are made from.
pub struct Models {
    config: ModelConfig,
    source: Source,
    embedder: Option<Arc<dyn Embed>>,
    secrets: Secrets,
}

enum Source {
    /// The endpoints, shared by all episodes.
    Server(Box<Gateway>),
    /// The text of a recording or a trajectory.
    Replay(String),
    /// The text of a script.
    Script(String),
    /// The recorded episodes of the agent that ship with the instances.
    Shipped(RecordedEpisodes),
    /// Whoever drives the episodes asks it; here is only its name.
    Elsewhere(String),
}

impl Models {
    /// Connects, or reads the file of answers. Nothing but the settings limits what is asked.
    pub fn open(resolved: &Resolved) -> anyhow::Result<Self> {
        Self::open_with(resolved, &Gateways::new(None, BudgetLimits::default())?)
    }

    /// Connects through what all models of a process share, or reads the file of answers.
    pub fn open_with(resolved: &Resolved, gateways: &Gateways) -> anyhow::Result<Self> {
        let config = resolved.config.model.clone();
        let source = match config.provider {
            Provider::Replay => {
                let text = read_answers(&config)?;
                replay(&text, "", config.on_divergence).with_context(|| in_answers(&config))?;
                Source::Replay(text)
            }
            Provider::Script => {
                let text = read_answers(&config)?;
                script(&text, "").with_context(|| in_answers(&config))?;
                Source::Script(text)
            }
            Provider::Openai if config.name.is_none() => {
                let dataset = resolved.config.env.dataset.as_deref().unwrap_or_default();
                let environment = resolved.plugs.find_environment(dataset);
                let Some(recorded) = environment.and_then(|plug| plug.recorded(resolved.plug.name)) else {
                    let key = &config.api_key_env;
                    return Err(anyhow!("no model is configured\nhint: `--model NAME`, with the key in `{key}`"));
                };
                Source::Shipped(recorded)
            }
            Provider::Openai => Source::Server(Box::new(connect(gateways, &config, &prompts(resolved)?)?)),
        };
        Self::of(resolved, source)
    }

    /// Returns the models of episodes that are driven from outside, which ask none here.
    ///
    /// # Errors
    /// When the server of embeddings cannot be had.
    pub fn elsewhere(resolved: &Resolved) -> anyhow::Result<Self> {
        let name = resolved.config.model.name.clone().unwrap_or_else(|| "elsewhere".to_owned());
        Self::of(resolved, Source::Elsewhere(name))
    }

    fn of(resolved: &Resolved, source: Source) -> anyhow::Result<Self> {
        let config = resolved.config.model.clone();
        let embeddings = Embeddings::connect(&resolved.config.embeddings)?;
        let embedder = embeddings.map(|embeddings| Arc::new(embeddings) as Arc<dyn Embed>);
        let of_endpoints = config.endpoints.iter().filter_map(|endpoint| endpoint.api_key_env.as_deref());
        let named = [config.api_key_env.as_str(), &resolved.config.embeddings.api_key_env];
        let secrets = llm::secrets(&named.into_iter().chain(of_endpoints).collect::<Vec<_>>());
        hide(&secrets);
        Ok(Self { config, source, embedder, secrets })
    }

    /// Returns the name that goes into `model_name_or_path`.
    pub(crate) fn name(&self) -> String {
        match &self.source {
            Source::Server(gateway) => gateway.name().to_owned(),
            Source::Replay(_) => "replay".to_owned(),
            Source::Script(_) => "script".to_owned(),
            Source::Shipped(_) => "recorded".to_owned(),
            Source::Elsewhere(name) => name.clone(),
        }
    }

    /// Returns whether answers cost something, so that those of a killed episode are kept. Others are given again.
    pub(crate) fn are_paid(&self) -> bool {
        matches!(self.source, Source::Server(_))
    }

    /// Returns the values of the keys that this process was given.
    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// Returns what turns texts into vectors, which all episodes share.
    pub(crate) fn embedder(&self) -> Option<Arc<dyn Embed>> {
        self.embedder.clone()
    }

    /// Returns the model of one episode in a sandbox whose repository is at `root`.
    pub(crate) fn for_episode(
        &self,
        instance: &Instance,
        root: &str,
        worker: &Worker,
    ) -> anyhow::Result<Arc<dyn Model>> {
        let model: Arc<dyn Model> = match &self.source {
            Source::Server(gateway) => gateway.model(&instance.instance_id),
            Source::Replay(text) => Arc::new(replay(text, root, self.config.on_divergence)?),
            Source::Script(text) => Arc::new(script(text, root)?),
            Source::Shipped(recorded) => {
                let id = &instance.instance_id;
                worker.note(&format!("no model is configured: replaying the recorded episode that ships with `{id}`"));
                let text = recorded(id).with_context(|| format!("`{id}` ships without a recorded episode"))?;
                Arc::new(replay(text, root, OnDivergence::Ignore)?)
            }
            Source::Elsewhere(name) => Arc::new(Elsewhere(name.clone())),
        };
        self.recorded(model, root)
    }

    /// Returns the model for what is asked outside of episodes; all requests of one `key` go to the same endpoint.
    ///
    /// # Errors
    /// When answers come from a file, or the record cannot be opened.
    pub fn for_key(&self, key: &str) -> anyhow::Result<Arc<dyn Model>> {
        match &self.source {
            Source::Server(gateway) => self.recorded(gateway.model(key), ""),
            Source::Replay(_) | Source::Script(_) | Source::Shipped(_) | Source::Elsewhere(_) => {
                Err(anyhow!("`{}` answers only in episodes\nhint: `-c model.provider=openai`", self.name()))
            }
        }
    }

    /// Wraps a model so that its traffic is recorded, when the settings say so.
    fn recorded(&self, model: Arc<dyn Model>, root: &str) -> anyhow::Result<Arc<dyn Model>> {
        let Some(path) = &self.config.record else { return Ok(model) };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot record to `{}`", path.display()))?;
        Ok(Arc::new(llm::Record::new(model, root, Box::new(file))))
    }
}

/// A model that is asked elsewhere.
struct Elsewhere(String);

#[async_trait]
impl Model for Elsewhere {
    fn name(&self) -> &str {
        &self.0
    }

    async fn complete(&self, _: &Request) -> Result<Completion, ModelError> {
        Err(ModelError::Permanent("the model of this episode is asked elsewhere".to_owned()))
    }
}

/// Returns the templates, with those of the program and those of a folder laid over them.
///
/// # Errors
/// When the folder cannot be read, or a template does not parse.
pub fn prompts(resolved: &Resolved) -> anyhow::Result<Prompts> {
    Ok(Prompts::with(resolved.plugs.templates().clone(), overrides(resolved.config.prompts.as_deref())?)?)
}

/// Returns the tools that whoever drives an episode of the agent may call, one of which hands the work in.
///
/// # Errors
/// When a template is missing or broken.
pub fn tools_of_driver(resolved: &Resolved) -> anyhow::Result<Vec<ToolSpec>> {
    Ok(describe(&(resolved.prepared.toolbox)(), &prompts(resolved)?)?)
}

/// Returns a digest of the templates, and one of what tools tell the model.
pub(crate) fn digests_of_prompts(resolved: &Resolved) -> anyhow::Result<(String, String)> {
    let (mut templates, mut texts) = (Vec::new(), Vec::new());
    let brought = resolved.plugs.templates().clone();
    let overrides = overrides(resolved.config.prompts.as_deref())?;
    for (name, source) in prompts::sources().into_iter().chain(brought).chain(overrides) {
        // The page on the folder is no template.
        if name != "README.md" {
            if name.starts_with("texts/") { &mut texts } else { &mut templates }.extend([name, source]);
        }
    }
    let digest = |parts: Vec<String>| digest(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    Ok((digest(templates), digest(texts)))
}

fn connect(gateways: &Gateways, config: &ModelConfig, prompts: &Prompts) -> anyhow::Result<Gateway> {
    let over = match &config.prices {
        Some(path) => Some(read_given(path)?.with_context(|| format!("no such file of prices: `{}`", path.display()))?),
        None => None,
    };
    let prices = llm::Prices::new(over.as_deref()).map_err(|err| anyhow!("prices: {err}"))?;
    Ok(gateways.connect(config, &prices, prompts)?)
}

fn script(text: &str, root: &str) -> anyhow::Result<Script> {
    Script::parse(text, root).map_err(|err| anyhow!("{err}"))
}

fn in_answers(config: &ModelConfig) -> String {
    format!("in `{}`", config.path.as_deref().unwrap_or(Path::new("")).display())
}

fn replay(text: &str, root: &str, on_divergence: OnDivergence) -> anyhow::Result<Replay> {
    Replay::parse(text, root, on_divergence).map_err(|err| anyhow!("{err}"))
}

fn read_answers(config: &ModelConfig) -> anyhow::Result<String> {
    let path = config.path.as_deref().context("the provider needs a file of answers\nhint: set `model.path`")?;
    read_given(path)?.with_context(|| format!("no such file of answers: `{}`", path.display()))
}
