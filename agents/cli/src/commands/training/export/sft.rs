//! `export sft`: solved episodes as rows that trainers read.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use training::sft::{Arguments, By, CallForm, Card, Format, Order, Settings, Target, export};
use training::tokens::Counter;

use crate::commands::runs::named_run::Runs;
use crate::console::say;
use crate::failed::Failed;

use super::out::OutArguments;

#[derive(Debug, Args)]
pub(crate) struct Sft {
    /// The runs: names, or paths of their folders.
    #[arg(required = true, value_name = "RUN")]
    names: Vec<String>,
    #[command(flatten)]
    out: OutArguments,
    /// The trainer that reads the rows.
    #[arg(long = "for", value_enum, default_value = "openai")]
    target: TargetArgument,
    /// How rows hold calls. Default: `native` where the trainer takes them whole.
    #[arg(long, value_enum)]
    calls: Option<CallsArgument>,
    /// What a row is. SWE-Gym's Moatless agent: `--by call --per-instance 2 --max-tokens 10240`.
    #[arg(long, value_enum, default_value = "episode")]
    by: ByArgument,
    /// The form of the files. Default: the trainer's own JSON.
    #[arg(long, value_enum)]
    format: Option<FormatArgument>,
    /// How rows hold the arguments of calls. Default: `object` for trl and unsloth, `text` for others.
    #[arg(long, value_enum)]
    arguments: Option<ArgumentsArgument>,
    /// Keeps what the model thought before its answers, as `reasoning_content`.
    #[arg(long)]
    reasoning: bool,
    /// A model's tokenizer.json, with its tokenizer_config.json beside it. Default: tokens are estimated.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Writes `input_ids` and `labels` in the place of messages; tokens that a server recorded go in as they are.
    #[arg(long)]
    pretokenized: bool,
    /// Leaves rows of more tokens out. SWE-Gym: 32768.
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Keeps this many episodes of an instance, those of the fewest model calls.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    per_instance: Option<u16>,
    /// Keeps this share of the episodes.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    subset: f64,
    /// How the share is chosen, and rows are ordered.
    #[arg(long, value_enum, default_value = "random")]
    order: OrderArgument,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Holds this share of the episodes out for validation, in whole repositories.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    validation: f64,
    /// Keeps episodes of every verdict, not only resolved ones.
    #[arg(long)]
    all_verdicts: bool,
    /// Keeps instances of the repositories of SWE-bench's test set.
    #[arg(long)]
    allow_benchmarks: bool,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum TargetArgument {
    Trl,
    Axolotl,
    LlamaFactory,
    MsSwift,
    Torchtune,
    Unsloth,
    Openai,
    Sharegpt,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CallsArgument {
    /// As `tool_calls`, with `tools` beside the messages.
    Native,
    /// In the text of answers, one an answer, as SWE-Gym's released data have them.
    Text,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ByArgument {
    /// A stretch of an episode in which the conversation only grew.
    Episode,
    /// One call of the model, of which only the answer is trained.
    Call,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArgument {
    /// An array of rows.
    Json,
    /// A row a line.
    Jsonl,
    /// Parquet, with `tools` and arguments as text.
    Parquet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArgumentsArgument {
    /// As the JSON text that the model wrote.
    Text,
    /// As an object; in Parquet as text that `datasets` reads as one.
    Object,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OrderArgument {
    /// Drawn with the seed.
    Random,
    /// Those of the fewest model calls first.
    Sorted,
    /// Whole repositories, drawn with the seed.
    Repository,
}

pub(crate) fn run(args: &Sft) -> Result<ExitCode, Failed> {
    let runs = args.names.iter().map(|name| args.runs.open(name)).collect::<anyhow::Result<Vec<_>>>();
    let runs = runs.map_err(Failed::Usage)?;
    let counter = match &args.tokenizer {
        Some(path) => Counter::load(path).map_err(Failed::Usage)?,
        None => Counter::Estimate,
    };
    let settings = settings(args);
    settings.check().map_err(Failed::Usage)?;
    if settings.allow_benchmarks {
        say("warning: repositories of SWE-bench's test set are kept: a model trained on this cannot be measured by it");
    }
    let card = export(&runs, &settings, &counter, args.out.out())?;
    tell(&card, args);
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Sft) -> Settings {
    let target = target(args.target);
    let defaults = Settings::new(target);
    Settings {
        calls: args.calls.map_or(defaults.calls, |calls| match calls {
            CallsArgument::Native => CallForm::Native,
            CallsArgument::Text => CallForm::Text,
        }),
        by: match args.by {
            ByArgument::Episode => By::Episode,
            ByArgument::Call => By::Call,
        },
        format: args.format.map_or(defaults.format, |format| match format {
            FormatArgument::Json => Format::Json,
            FormatArgument::Jsonl => Format::Jsonl,
            FormatArgument::Parquet => Format::Parquet,
        }),
        arguments: args.arguments.map_or(defaults.arguments, |arguments| match arguments {
            ArgumentsArgument::Text => Arguments::Text,
            ArgumentsArgument::Object => Arguments::Object,
        }),
        reasoning: args.reasoning,
        max_tokens: args.max_tokens,
        per_instance: args.per_instance.map(usize::from),
        subset: args.subset,
        order: match args.order {
            OrderArgument::Random => Order::Random,
            OrderArgument::Sorted => Order::Sorted,
            OrderArgument::Repository => Order::Repository,
        },
        seed: args.seed,
        validation: args.validation,
        all_verdicts: args.all_verdicts,
        allow_benchmarks: args.allow_benchmarks,
        pretokenized: args.pretokenized,
        ..defaults
    }
}

pub(super) fn target(argument: TargetArgument) -> Target {
    match argument {
        TargetArgument::Trl => Target::Trl,
        TargetArgument::Axolotl => Target::Axolotl,
        TargetArgument::LlamaFactory => Target::LlamaFactory,
        TargetArgument::MsSwift => Target::MsSwift,
        TargetArgument::Torchtune => Target::Torchtune,
        TargetArgument::Unsloth => Target::Unsloth,
        TargetArgument::Openai => Target::Openai,
        TargetArgument::Sharegpt => Target::Sharegpt,
    }
}

fn tell(card: &Card, args: &Sft) {
    let Card { rows, episodes, instances, episodes_read, tokens, .. } = card;
    say(&format!("{rows} rows of {episodes} episodes on {instances} instances, of {episodes_read} episodes read"));
    for (what, dropped) in [("episodes", &card.episodes_dropped), ("rows", &card.rows_dropped)] {
        for (why, number) in dropped {
            say(&format!("left out, {what}: {number}: {why}"));
        }
    }
    if card.reasoning_left_out > 0 {
        let number = card.reasoning_left_out;
        say(&format!(
            "left out: what the model thought before {number} answers; `--reasoning` keeps it where the trainer has a column"
        ));
    }
    if args.validation > 0.0 {
        let held: usize = card.validation_repositories.values().sum();
        match held {
            0 => say(
                "warning: there is no validation set, as repositories go whole and none comes near enough to the share",
            ),
            _ => say(&format!(
                "validation: {held} of {episodes} episodes, as near to the share as whole repositories allow"
            )),
        }
    }
    say(&format!("tokens are {tokens}"));
    if let Some(trained) = card.trained_tokens {
        say(&format!("tokens that are trained: {trained}"));
    }
    say(&format!("written to `{}`", args.out.folder().display()));
}
