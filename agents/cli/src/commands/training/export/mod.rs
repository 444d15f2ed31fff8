//! `export`: data sets of runs.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use runner::Plugs;
use training::Format;

use crate::failed::Failed;

mod formats;
mod out;
mod sft;
mod verifier;

#[derive(Debug, Args)]
pub(crate) struct ExportCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Writes solved episodes as rows for supervised fine-tuning, with the trainer's configuration and a data card.
    Sft(Box<sft::Sft>),
    /// Writes judged episodes as rows that verifiers are trained on, with YES and NO, balanced and split by repository.
    Verifier(Box<verifier::Verifier>),
    /// Writes episodes as Harbor's trajectories (ATIF 1.8), in the folders of jobs and trials that `harbor view` opens.
    #[command(visible_alias = "harbor")]
    Atif(formats::Export),
    /// Writes episodes as OpenHands' `output.jsonl`, with `llm_completions` beside it.
    #[command(name = "openhands")]
    OpenHands(formats::Export),
    /// Writes episodes as mini-swe-agent's `.traj.json`, a folder an instance, with `preds.json`.
    #[command(visible_alias = "mini-swe-agent")]
    Mini(formats::Export),
    /// Writes each cell as a log of Inspect, `.eval`; the samples of an instance are its epochs.
    #[command(visible_alias = "inspect-ai")]
    Inspect(formats::Export),
}

pub(crate) fn run(plugs: &Plugs, args: ExportCommand) -> Result<ExitCode, Failed> {
    match args.what {
        What::Sft(args) => sft::run(&args),
        What::Verifier(args) => verifier::run(plugs, &args),
        What::Atif(args) => formats::run(&args, Format::Atif),
        What::OpenHands(args) => formats::run(&args, Format::OpenHands),
        What::Mini(args) => formats::run(&args, Format::Mini),
        What::Inspect(args) => formats::run(&args, Format::Inspect),
    }
}
