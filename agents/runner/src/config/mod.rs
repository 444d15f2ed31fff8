//! The configuration of a run, resolved from its layers.

mod differences;
pub(crate) mod invalid_setting;
mod layers;
mod manual;
mod overrides;
mod ranges;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent_core::{ContextConfig, Limits};
use anyhow::{Context, bail};
use env_core::{Dialect, Judging, OnLeak};
use grading::read_given;
use images::{ImageSettings, ImagesConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};
use sha2::{Digest, Sha256};
use tool_core::{Network, SandboxConfig, Size};

use crate::engine::PermitsConfig;
use crate::plugs::{AgentPlug, Plugs, Prepared};
use layers::Layers;
use ranges::check_ranges;

pub(crate) use differences::different;
pub use differences::{differences, in_words};
pub use invalid_setting::InvalidSetting;
pub use manual::{Setting, manual};
pub(crate) use overrides::overrides;
pub use settings::Settings;
use settings::layer_file;

/// The origin of a value that nothing has set.
pub(crate) const DEFAULT: &str = "default";

/// The configuration of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the run; `null` derives it from the agent and the settings, so that the same command finds its run
    /// again.
    pub run: Option<String>,
    /// Folder of all runs. Default `.runs`.
    pub runs: PathBuf,
    /// Folder of templates that override the embedded ones.
    pub prompts: Option<PathBuf>,
    /// Whether the patch is judged after the episode. Default true.
    pub evaluate: bool,
    /// Where instances come from and how patches are judged.
    pub env: EnvConfig,
    /// What happens when infrastructure prevents the verdict on a patch.
    pub evaluation: EvaluationConfig,
    /// Where commands run.
    pub sandbox: SandboxConfig,
    /// The model.
    pub model: llm::ModelConfig,
    /// The embedding model, with whose vectors code search re-ranks its results. Default none.
    pub embeddings: llm::EmbeddingsConfig,
    /// When an episode ends.
    pub limits: Limits,
    /// How the conversation is kept within the model's context.
    pub context: ContextConfig,
    /// How images are built and pulled.
    pub images: ImagesConfig,
    /// How much may run at once, regardless of the number of workers.
    pub permits: PermitsConfig,
}

/// Where instances come from and how patches are judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnvConfig {
    /// A dataset's name, such as `swe-gym` or `swe-bench-verified`, a file of rows, or the manifest of a dataset, a
    /// `.yaml` file; `null` chooses it by the instance id.
    pub dataset: Option<String>,
    /// Which images, grading dialect and specs: `swe-gym`, `swe-bench` or `demo`; `null` chooses it by the dataset.
    pub kind: Option<String>,
    /// The official harness whose verdicts are reproduced: `swe-gym`, `swe-bench-4` or `swe-bench-5`; `null` chooses it
    /// by the row.
    pub dialect: Option<Dialect>,
    /// How patches are judged: `official`, equal to the official harness with its holes, or `strict`, where no patch brings
    /// about its own verdict. Default official; `spotter gym` is strict by default.
    pub judging: Judging,
    /// What happens where the certificate of an image (`spotter images audit`) says that it holds what would tell a
    /// solver the answer: `refuse` starts no episode, `remove` removes what was found from the sandbox first where that
    /// is safe, `warn` goes on and records it. An image without a certificate is used, which is recorded. Default
    /// refuse.
    pub on_leak: OnLeak,
    /// Which container image an instance runs in.
    pub image: ImageSettings,
    /// Network of the sandboxes in which patches are judged: `none`, or `bridge` as in the official harnesses, for
    /// scripts that install packages. Default bridge.
    pub network: Network,
    /// Memory of these sandboxes, whose limits are separate from those of agents; default `4g`.
    pub memory: Size,
    /// CPUs that one of them may use; default `null`, no limit.
    pub cpus: Option<f64>,
    /// Processes and threads that one of them may have; default 1024.
    pub pids: u32,
    /// Disk space that one of them may use beyond its image; default `20g`.
    pub disk: Size,
    /// Seconds that the tests of an instance may take. Default 1800.
    pub eval_timeout: u64,
}

/// What happens when infrastructure prevents the verdict on a patch. What a patch does wrong itself is never tried
/// again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// How often the verdict is retried. Default 2.
    pub retries: u32,
    /// Seconds before the first retry, doubled for each further one up to 3600. Default 5.
    pub wait: f64,
    /// Largest share of the patches that had to be run which may fail in this way; above it no rate is reported. From 0
    /// to 1, default 0.02.
    pub infrastructure: f64,
}

/// A configuration, and the agent that it is for.
#[derive(Clone)]
pub struct Resolved {
    /// The values, typed.
    pub config: RunConfig,
    /// The agent.
    pub plug: AgentPlug,
    /// The plugs that the program is made of.
    pub(crate) plugs: Plugs,
    /// The agent with its own block.
    pub(crate) prepared: Prepared,
    /// Every value, as it goes into `config.yaml`.
    pub all: Value,
    /// Where what is not a default comes from, by key path.
    pub(crate) origins: BTreeMap<String, String>,
    /// Digest of the files that the settings name, whose contents matter and not their places.
    inputs: String,
}

impl Resolved {
    /// Resolves the layers of a command: defaults, the agent's, files and assignments, the short forms.
    ///
    /// What is left open goes by the `ids` of the instances: the dataset, and a local sandbox for the demo instances.
    pub fn load(plugs: &Plugs, settings: &Settings, ids: &[String]) -> anyhow::Result<Self> {
        let plug = plugs.find_agent(settings.agent.as_deref())?;
        let mut defaults = serde_yaml::to_value(RunConfig::default())?;
        let mapping = defaults.as_mapping_mut().context("the defaults are not a mapping")?;
        mapping.insert(Value::from(plug.name), (plug.settings)()?);
        let provider = std::mem::replace(&mut defaults["sandbox"]["provider"], Value::Null);
        // Known, and written only where something is in it.
        defaults["sandbox"]["options"] = Value::Mapping(Mapping::new());
        let mut layers = Layers::new(defaults);
        layers.lay_text(plug.defaults, &format!("{}'s config.yaml", plug.name))?;
        if let Some((base, origin)) = &settings.base {
            layers.lay_value(base.clone(), origin)?;
        }
        for layer in &settings.layers {
            lay(&mut layers, layer)?;
        }
        for (path, value, origin) in &settings.sets {
            layers.lay_from(path, value.clone(), origin)?;
        }
        for (path, value) in &settings.assignments {
            layers.lay_from(path, Value::from(value.as_str()), "the command line")?;
        }
        let unset = |layers: &Layers, path: &str| layers.get(path).is_none_or(Value::is_null);
        if unset(&layers, "env.dataset")
            && let Some(dataset) = plugs.dataset_of(ids)?
        {
            layers.lay_from("env.dataset", Value::from(dataset), "the instance ids")?;
        }
        if unset(&layers, "sandbox.provider") {
            let environment =
                layers.get("env.dataset").and_then(Value::as_str).and_then(|name| plugs.find_environment(name));
            let usual = environment.and_then(|plug| plug.sandbox());
            let origin = if usual.is_some() { "the dataset" } else { DEFAULT };
            layers.lay_from("sandbox.provider", usual.map_or(provider, Value::from), origin)?;
        }
        let (mut all, origins) = layers.into_parts();
        if let Some(sandbox) = all["sandbox"].as_mapping_mut()
            && sandbox.get("options").and_then(Value::as_mapping).is_some_and(Mapping::is_empty)
        {
            sandbox.shift_remove("options");
        }
        check_ranges(&all)?;
        let mut typed = all.clone();
        let block = typed.as_mapping_mut().and_then(|mapping| mapping.shift_remove(plug.name)).unwrap_or(Value::Null);
        let config: RunConfig = serde_path_to_error::deserialize(typed)
            .map_err(|err| InvalidSetting::new(err.path().to_string(), err))
            .context("the configuration is not valid")?;
        plugs.find_sandbox(&config.sandbox).map_err(|err| InvalidSetting::new("sandbox", err))?;
        plugs.check_kind(config.env.kind.as_deref()).map_err(|err| InvalidSetting::new("env.kind", err))?;
        config.limits.check().map_err(|err| InvalidSetting::new("limits", err))?;
        config.evaluation.check().map_err(anyhow::Error::msg)?;
        let prepared = (plug.prepare)(block)?;
        let inputs = digest_of_inputs(&config, plugs)?;
        Ok(Self { config, plug, plugs: plugs.clone(), prepared, all, origins, inputs })
    }

    /// Returns the settings that can change what an episode does: not how to reach a server and how long to wait for
    /// it, how to judge, or where to write.
    pub fn identity(&self) -> Value {
        let mut value = self.all.clone();
        let without = |value: &mut Value, keys: &[&str]| {
            if let Some(mapping) = value.as_mapping_mut() {
                keys.iter().for_each(|key| drop(mapping.shift_remove(*key)));
            }
        };
        without(&mut value, &["run", "runs", "evaluate", "evaluation", "prompts", "images", "permits"]);
        without(
            &mut value["env"],
            &["eval_timeout", "dialect", "judging", "network", "memory", "cpus", "pids", "disk"],
        );
        // An episode that starts does so on the same files, unless what was found is removed.
        if value["env"].get("on_leak").is_none_or(|on_leak| on_leak.as_str() != Some("remove")) {
            without(&mut value["env"], &["on_leak"]);
        }
        without(&mut value["sandbox"], &["pull", "start_timeout", "kept"]);
        let of_transport = [
            "retry",
            "timeout",
            "connect_timeout",
            "prices",
            "record",
            "api_key_env",
            "path",
            "base_url",
            "endpoints",
            "rate",
            "stream",
            "limit_name",
        ];
        without(&mut value["model"], &of_transport);
        // What is kept beside an answer changes none; an episode that was to have it is no other's.
        for kept in ["token_ids", "logprobs"] {
            if value["model"].get(kept) == Some(&Value::Bool(false)) {
                without(&mut value["model"], &[kept]);
            }
        }
        // Without a name none of the others does anything.
        let of_server = ["retry", "timeout", "connect_timeout", "api_key_env", "batch", "base_url"];
        match value.get_mut("embeddings").filter(|embeddings| embeddings["name"].as_str().is_some()) {
            Some(embeddings) => without(embeddings, &of_server),
            None => without(&mut value, &["embeddings"]),
        }
        value
    }

    /// Returns the fingerprint of all that can change what an episode does.
    pub fn fingerprint(&self) -> String {
        let text = serde_json::to_string(&self.identity()).unwrap_or_default();
        digest(&[self.plug.name, &text, &self.inputs])
    }

    /// Returns the digest of the files that the settings name: of answers and of templates.
    pub fn inputs(&self) -> &str {
        &self.inputs
    }

    /// Returns the same with other values, for comparing fingerprints.
    pub fn with_values(&self, all: Value) -> Self {
        Self { all, ..self.clone() }
    }

    /// Returns the revision of the dataset, where it has one.
    pub fn dataset_revision(&self) -> Option<String> {
        let dataset = self.config.env.dataset.as_deref()?;
        self.plugs.find_environment(dataset)?.revision(dataset)
    }

    /// Returns whether patches are to be judged strictly where the dataset's environment cannot do that.
    pub fn is_too_strict(&self) -> bool {
        let plug = self.config.env.dataset.as_deref().and_then(|dataset| self.plugs.find_environment(dataset));
        self.config.env.judging == Judging::Strict && plug.is_some_and(|plug| !plug.judges_strictly())
    }

    /// Returns the name of the run.
    pub fn run_name(&self) -> String {
        let made = || format!("{}-{}", self.plug.name, self.fingerprint());
        self.config.run.clone().unwrap_or_else(made)
    }
}

/// Returns a digest of the files of answers and of the folder of templates.
fn digest_of_inputs(config: &RunConfig, plugs: &Plugs) -> anyhow::Result<String> {
    let answers = match &config.model.path {
        Some(path) => read_given(path)?.unwrap_or_default(),
        None => String::new(),
    };
    let mut parts = vec![answers];
    let brought = plugs.templates().iter().map(|(name, text)| (name.clone(), text.clone()));
    for (name, text) in brought.chain(overrides(config.prompts.as_deref())?) {
        parts.extend([name, text]);
    }
    Ok(digest(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// Returns 8 hex digits that tell these texts from others.
pub fn digest(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn lay(layers: &mut Layers, layer: &str) -> anyhow::Result<()> {
    let Some(path) = layer_file(layer) else { return layers.lay_assignment(layer) };
    match read_given(&path)? {
        Some(text) => layers.lay_text(&text, layer),
        None => bail!("no such configuration file: `{layer}`\nhint: a single setting is written `key.path=value`"),
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            run: None,
            runs: PathBuf::from(".runs"),
            prompts: None,
            evaluate: true,
            env: EnvConfig::default(),
            evaluation: EvaluationConfig::default(),
            sandbox: SandboxConfig::default(),
            model: llm::ModelConfig::default(),
            embeddings: llm::EmbeddingsConfig::default(),
            limits: Limits::default(),
            context: ContextConfig::default(),
            images: ImagesConfig::default(),
            permits: PermitsConfig::default(),
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { retries: 2, wait: 5.0, infrastructure: 0.02 }
    }
}

impl EvaluationConfig {
    fn check(&self) -> Result<(), String> {
        if !(0.0..=3600.0).contains(&self.wait) {
            return Err("`evaluation.wait` must be a number of seconds from 0 to 3600".to_owned());
        }
        if !(0.0..=1.0).contains(&self.infrastructure) {
            return Err("`evaluation.infrastructure` must be a share from 0 to 1".to_owned());
        }
        Ok(())
    }
}

impl EnvConfig {
    /// Returns the settings of the sandboxes in which patches are judged: what the agent's may use does not matter to
    /// them.
    pub fn judging(&self, of_agent: &SandboxConfig) -> SandboxConfig {
        SandboxConfig {
            provider: of_agent.provider.clone(),
            pull: of_agent.pull,
            start_timeout: of_agent.start_timeout,
            network: self.network,
            memory: self.memory,
            cpus: self.cpus,
            pids: self.pids,
            disk: self.disk,
            options: of_agent.options.clone(),
            ..SandboxConfig::default()
        }
    }
}

impl Default for EnvConfig {
    fn default() -> Self {
        let limits = SandboxConfig::default();
        Self {
            dataset: None,
            kind: None,
            dialect: None,
            judging: Judging::default(),
            on_leak: OnLeak::default(),
            image: ImageSettings::default(),
            network: Network::Bridge,
            memory: limits.memory,
            cpus: limits.cpus,
            pids: limits.pids,
            disk: limits.disk,
            eval_timeout: 1800,
        }
    }
}
