//! `export atif` and its like: episodes in the formats of other programs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use training::{Format, Written, write_runs};

use crate::commands::runs::named_run;
use crate::console::say;
use crate::failed::Failed;

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The runs: names, or paths of their folders.
    #[arg(required = true, value_name = "RUN")]
    names: Vec<String>,
    /// The folder that is written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    runs: named_run::Runs,
}

pub(crate) fn run(args: &Runs, format: Format) -> Result<ExitCode, Failed> {
    let runs = args.names.iter().map(|name| args.runs.open(name)).collect::<anyhow::Result<Vec<_>>>();
    let Written { episodes, left_out, losses } = write_runs(&runs.map_err(Failed::Usage)?, format, &args.out)?;
    say(&format!("{episodes} episodes written to `{}`", args.out.display()));
    for (why, number) in left_out {
        say(&format!("left out, episodes: {number}: {why}"));
    }
    for (what, number) in losses {
        say(&format!("not in the format: {number} {what}"));
    }
    Ok(ExitCode::SUCCESS)
}
