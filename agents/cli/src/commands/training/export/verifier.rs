//! `export verifier`: judged episodes as rows that verifiers are trained on.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use runner::stages::prompts;
use runner::{Plugs, Resolved};
use training::tokens::Counter;
use training::verifier::{Card, Form, Settings, export};

use super::out::OutArguments;
use super::sft::{TargetArgument, target};
use crate::commands::runs::named_run::Runs;
use crate::console::say;
use crate::failed::Failed;

#[derive(Debug, Args)]
pub(crate) struct Verifier {
    /// The runs: names, or paths of their folders.
    #[arg(required_unless_present = "on_policy", value_name = "RUN")]
    names: Vec<String>,
    /// A run of the model whose episodes are to be verified; the others are off-policy. May be repeated.
    #[arg(long, value_name = "RUN")]
    on_policy: Vec<String>,
    #[command(flatten)]
    out: OutArguments,
    /// The trainer that reads the rows.
    #[arg(long = "for", value_enum, default_value = "openai")]
    target: TargetArgument,
    /// What a row shows of an episode.
    #[arg(long, value_enum, default_value = "log")]
    form: FormArgument,
    /// Unresolved episodes for each resolved one; `all` keeps what there is.
    #[arg(long, value_name = "RATIO", default_value = "1")]
    negatives_per_positive: String,
    /// Share of the episodes that are of the on-policy runs. Default: as they come.
    #[arg(long, value_name = "SHARE", requires = "on_policy")]
    on_policy_share: Option<f64>,
    /// Keeps so many resolved and so many unresolved episodes of an instance. SWE-Gym's Moatless: 2.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    per_instance: Option<u16>,
    /// Leaves rows of more tokens out. SWE-Gym: 32768.
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// A model's tokenizer.json, with its tokenizer_config.json beside it. Default: tokens are estimated.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Holds this share of the episodes out for validation, in whole repositories.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    validation: f64,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Keeps instances of the repositories of SWE-bench's test set.
    #[arg(long)]
    allow_benchmarks: bool,
    /// A layer of configuration: a YAML file, or `key.path=value`. `prompts=FOLDER` has templates of one's own, as for
    /// `verify --by llm`.
    #[arg(short = 'c', long = "config", value_name = "FILE|KEY=VALUE")]
    layers: Vec<String>,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormArgument {
    /// Its whole log, with YES or NO.
    Log,
    /// The issue, its patch before and after, and the code that its record shows, with True or False, as SWE-Gym's verifier
    /// of Moatless has it.
    Spans,
}

pub(crate) fn run(plugs: &Plugs, args: &Verifier) -> Result<ExitCode, Failed> {
    let named = args.names.iter().map(|name| (name, false)).chain(args.on_policy.iter().map(|name| (name, true)));
    let runs =
        named.map(|(name, on_policy)| Ok((args.runs.open(name)?, on_policy))).collect::<anyhow::Result<Vec<_>>>();
    let runs = runs.map_err(Failed::Usage)?;
    let counter = match &args.tokenizer {
        Some(path) => Counter::load(path).map_err(Failed::Usage)?,
        None => Counter::Estimate,
    };
    let settings = settings(args).map_err(Failed::Usage)?;
    settings.check().map_err(Failed::Usage)?;
    let layers = runner::Settings { layers: args.layers.clone(), ..runner::Settings::default() };
    let prompts = Resolved::load(plugs, &layers, &[]).and_then(|resolved| prompts(&resolved)).map_err(Failed::Usage)?;
    if settings.allow_benchmarks {
        say("warning: repositories of SWE-bench's test set are kept: a model trained on this cannot be measured by it");
    }
    tell(&export(&runs, &settings, &counter, &prompts, args.out.out())?, args);
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Verifier) -> anyhow::Result<Settings> {
    let ratio = match args.negatives_per_positive.as_str() {
        "all" => None,
        text => Some(text.parse().map_err(|_| {
            anyhow!("`--negatives-per-positive {text}` is no number\nhint: it is a number above 0, or `all`")
        })?),
    };
    let form = match args.form {
        FormArgument::Log => Form::Log,
        FormArgument::Spans => Form::Spans,
    };
    Ok(Settings {
        form,
        max_tokens: args.max_tokens,
        per_instance: args.per_instance.map(usize::from),
        negatives_per_positive: ratio,
        on_policy_share: args.on_policy_share,
        validation: args.validation,
        seed: args.seed,
        allow_benchmarks: args.allow_benchmarks,
        ..Settings::new(target(args.target))
    })
}

fn tell(card: &Card, args: &Verifier) {
    for (name, set) in [("training", &card.train), ("validation", &card.validation)] {
        let total = set.resolved + set.unresolved;
        if total > 0 {
            say(&format!(
                "{name}: {total} rows, {} resolved and {} not, on {} instances; {} of them on-policy",
                set.resolved, set.unresolved, set.instances, set.on_policy
            ));
        }
    }
    say(&format!("of {} episodes read", card.episodes_read));
    card.episodes_dropped.iter().for_each(|(why, number)| say(&format!("left out, episodes: {number}: {why}")));
    if args.validation > 0.0 && card.validation.repositories.is_empty() {
        say("warning: there is no validation set, as all rows are of one repository or the share is too small");
    }
    say(&format!("tokens are {}", card.tokens));
    say(&format!("written to `{}`", args.out.folder().display()));
}
