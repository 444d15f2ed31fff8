//! `report`: the figures of runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use sweep::report::{By, CellFacts, Format, Report};

use super::named_run::Runs;
use crate::console::say;
use crate::failed::Failed;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct ReportCommand {
    /// The runs: names, or paths of their folders. Two are compared, cell by cell.
    #[arg(required = true, value_name = "RUN")]
    names: Vec<String>,
    /// Only these cells. May be repeated.
    #[arg(long, value_name = "CELL")]
    cell: Vec<String>,
    /// Compares the second of two cells with the first, by McNemar's test; `RUN/CELL` where several runs have one of
    /// the name.
    #[arg(long, num_args = 2, value_names = ["CELL", "CELL"])]
    compare: Vec<String>,
    /// What each row stands for.
    #[arg(long, value_enum, default_value = "cell")]
    by: ByArgument,
    /// The output format.
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArgument,
    /// Reports a rate even if up to this share of the episodes failed because of infrastructure. Default: the setting
    /// of the cell.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    allow_infrastructure: Option<f64>,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ByArgument {
    /// One for each cell.
    Cell,
    /// One for each repository.
    Repository,
    /// One for each instance.
    Instance,
    /// One for each sample.
    Sample,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArgument {
    /// Tables for people.
    Table,
    /// One object with all figures.
    Json,
    /// A line a row; comparisons go to standard error.
    Csv,
    /// The tables as Markdown.
    Markdown,
}

pub(crate) fn run(args: &ReportCommand) -> Result<ExitCode, Failed> {
    let cells = read(args).map_err(Failed::Usage)?;
    let by = match args.by {
        ByArgument::Cell => By::Cell,
        ByArgument::Repository => By::Repository,
        ByArgument::Instance => By::Instance,
        ByArgument::Sample => By::Sample,
    };
    let compare = match args.compare.as_slice() {
        [first, second] => Some([first.as_str(), second.as_str()]),
        _ => None,
    };
    let report = Report::new(&cells, by, compare).map_err(Failed::Usage)?;
    let format = match args.format {
        FormatArgument::Table => Format::Table,
        FormatArgument::Json => Format::Json,
        FormatArgument::Csv => Format::Csv,
        FormatArgument::Markdown => Format::Markdown,
    };
    print(&report.write(format)?)?;
    if format == Format::Csv {
        report.remarks().iter().for_each(|remark| say(remark));
        report.comparison_table().iter().for_each(|table| say(table.trim_end()));
    }
    if args.names.len() == 2 && report.comparisons.is_empty() {
        say("the two runs have no cell of the same name to compare\nhint: `--compare RUN/CELL RUN/CELL`");
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads what is known of the cells that are asked for.
fn read(args: &ReportCommand) -> anyhow::Result<Vec<CellFacts>> {
    let mut cells: Vec<CellFacts> = Vec::new();
    let mut known: Vec<PathBuf> = Vec::new();
    for name in &args.names {
        let run = args.runs.open(name)?;
        let folder = run.folder().canonicalize().unwrap_or_else(|_| run.folder().to_owned());
        if known.contains(&folder) {
            continue;
        }
        known.push(folder);
        let wanted = run.cells().into_iter().filter(|cell| args.cell.is_empty() || args.cell.contains(cell));
        let read = wanted.map(|cell| CellFacts::read(&run, name, &cell, args.allow_infrastructure));
        cells.extend(read.collect::<Vec<_>>());
    }
    if let Some(unknown) = args.cell.iter().find(|name| cells.iter().all(|cell| cell.cell != **name)) {
        anyhow::bail!("there is no cell `{unknown}` in these runs\nhint: without `--cell` all cells are shown");
    }
    Ok(cells)
}

/// Reads a share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1, such as 0.02".to_owned())
}
