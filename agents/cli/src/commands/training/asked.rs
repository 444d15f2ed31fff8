//! Scorers that ask a model, as arguments configure them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::Message;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use runner::stages::{Models, prompts};
use runner::{Plugs, Resolved, Settings};
use serde_json::json;
use training::tokens::{Counter, Turn};
use verifier::{Asked, Asking, Kept, Measure, TooLong};

use crate::settings::workers;

/// Alternatives of a token that are asked for; OpenAI's server names no more.
const ALTERNATIVES: u64 = 20;
/// Tokens of an answer that judges, or gives reasons and rates, where the settings do not say.
const MOST_OUTPUT: [u64; 2] = [64, 1024];

/// How a model is asked, of `llm` and `judge`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scorers that ask a model")]
pub(crate) struct AskedArguments {
    /// How many requests are under way at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = workers, allow_negative_numbers = true)]
    requests: usize,
    /// How often the model is asked about an episode; its score is the mean. At a temperature of 0 all votes are one.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    votes: u32,
    /// Leaves episodes of more tokens without a score. SWE-Gym: 32768.
    #[arg(long, value_name = "NUMBER")]
    max_tokens: Option<usize>,
    /// What becomes of episodes that are too long.
    #[arg(long, value_enum, default_value = "missing", requires = "max_tokens")]
    too_long: TooLongArgument,
    /// A model's tokenizer.json, with its tokenizer_config.json beside it. Default: tokens are estimated.
    #[arg(long, value_name = "FILE", requires = "max_tokens")]
    tokenizer: Option<PathBuf>,
    /// Begins the answer of `llm` with its opening tag, for servers that go on from an answer (vLLM, SGLang).
    #[arg(long)]
    prefill: bool,
    /// The file in which answers are kept, so that none is asked for twice. Default: `asked.SCORER.jsonl` in the folder of
    /// the first run.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The files of answers that are open: a scorer may be part of a mix as well.
    #[arg(skip)]
    open: Mutex<BTreeMap<PathBuf, Arc<Kept>>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TooLongArgument {
    /// They have no score.
    Missing,
    /// Messages in their middle are left out, which the model is told.
    Cut,
}

impl AskedArguments {
    /// Returns the scorer `llm` or `judge` of the model that the layers name; answers are kept in the folder of `run` where nothing else is said.
    pub(crate) fn scorer(&self, name: &str, plugs: &Plugs, layers: &[String], run: &Path) -> anyhow::Result<Asked> {
        let is_judge = name == "judge";
        let resolved = self.resolve(name, plugs, layers)?;
        let model = &resolved.config.model;
        let settings = json!({
            "name": model.name, "temperature": model.temperature, "top_p": model.top_p, "seed": model.seed,
            "stop": model.stop, "max_output_tokens": model.max_output_tokens, "extra": model.extra,
        });
        let (prompts, models) = (prompts(&resolved)?, Models::open(&resolved)?);
        let kept = self.answers.clone().unwrap_or_else(|| run.join(format!("asked.{name}.jsonl")));
        let asking = Asking {
            model: Box::new(move |key| models.for_key(key)),
            settings: settings.to_string(),
            prompts,
            kept: self.kept(kept)?,
            votes: self.votes,
            workers: self.requests,
            begun: self.prefill && !is_judge,
            most: self.max_tokens.map(|most| (most, self.too_long())),
            measure: self.measure()?,
        };
        Ok(if is_judge { Asked::rating(asking) } else { Asked::probability(asking) })
    }

    /// Checks that there is a model to ask.
    pub(crate) fn check(&self, name: &str, plugs: &Plugs, layers: &[String]) -> anyhow::Result<()> {
        self.resolve(name, plugs, layers).map(drop)
    }

    fn resolve(&self, name: &str, plugs: &Plugs, layers: &[String]) -> anyhow::Result<Resolved> {
        let settings = Settings { layers: layers.to_vec(), ..Settings::default() };
        let mut resolved = Resolved::load(plugs, &settings, &[])?;
        self.fill(&mut resolved.config.model, name == "judge");
        if resolved.config.model.name.is_none() {
            bail!(
                "`{name}` asks a model, and none is named\nhint: `-c model.name=NAME -c model.base_url=http://HOST/v1`"
            );
        }
        Ok(resolved)
    }

    fn kept(&self, path: PathBuf) -> anyhow::Result<Arc<Kept>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = open.get(&path) {
            return Ok(kept.clone());
        }
        let kept = Arc::new(Kept::open(&path)?);
        open.insert(path, kept.clone());
        Ok(kept)
    }

    /// Sets what the scorer needs and the settings leave open.
    fn fill(&self, model: &mut llm::ModelConfig, is_judge: bool) {
        let [judged, rated] = MOST_OUTPUT;
        let most = if is_judge { rated } else { judged };
        model.max_output_tokens = model.max_output_tokens.or(Some(most));
        model.tool_calls = llm::ToolCalls::Native;
        if is_judge {
            return;
        }
        model.logprobs = true;
        model.extra.entry("top_logprobs").or_insert(json!(ALTERNATIVES));
        if self.prefill {
            model.extra.entry("continue_final_message").or_insert(json!(true));
            model.extra.entry("add_generation_prompt").or_insert(json!(false));
        }
    }

    fn too_long(&self) -> TooLong {
        match self.too_long {
            TooLongArgument::Missing => TooLong::Missing,
            TooLongArgument::Cut => TooLong::Cut,
        }
    }

    fn measure(&self) -> anyhow::Result<Measure> {
        let counter = match &self.tokenizer {
            Some(path) => Counter::load(path).context("the tokens of episodes cannot be counted")?,
            None => Counter::Estimate,
        };
        let counter = Arc::new(counter);
        Ok(Box::new(move |messages: &[Message]| {
            let turn = |message: &Message| Turn { message: message.clone(), trained: false, reasoning: None };
            Ok(counter.measure(&messages.iter().map(turn).collect::<Vec<_>>(), &[])?.tokens)
        }))
    }
}
