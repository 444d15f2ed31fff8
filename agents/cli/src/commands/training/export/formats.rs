//! `export atif` and its like: episodes in the formats of other programs.

use std::process::ExitCode;

use clap::Args;
use training::{Format, Written, write_runs};

use crate::commands::runs::named_run::Runs;
use crate::console::say;
use crate::failed::Failed;

use super::out::OutArguments;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The runs: names, or paths of their folders.
    #[arg(required = true, value_name = "RUN")]
    names: Vec<String>,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    runs: Runs,
}

pub(crate) fn run(args: &Export, format: Format) -> Result<ExitCode, Failed> {
    let runs = args.names.iter().map(|name| args.runs.open(name)).collect::<anyhow::Result<Vec<_>>>();
    let Written { episodes, left_out, losses } = write_runs(&runs.map_err(Failed::Usage)?, format, args.out.out())?;
    say(&format!("{episodes} episodes written to `{}`", args.out.folder().display()));
    for (why, number) in left_out {
        say(&format!("left out, episodes: {number}: {why}"));
    }
    for (what, number) in losses {
        say(&format!("not in the format: {number} {what}"));
    }
    Ok(ExitCode::SUCCESS)
}
