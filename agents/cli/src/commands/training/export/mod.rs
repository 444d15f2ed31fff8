//! `export`: data sets of runs.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failed::Failed;

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
}

pub(crate) fn run(args: ExportCommand) -> Result<ExitCode, Failed> {
    match args.what {
        What::Sft(args) => sft::run(&args),
        What::Verifier(args) => verifier::run(&args),
    }
}
