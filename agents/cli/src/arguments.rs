//! The commands with their arguments.

use clap::{Arg, ArgMatches, Command, Parser, Subcommand, value_parser};

#[cfg(feature = "training")]
use crate::commands::{BestOf, ExportCommand, Import, Improve, Verify};
use crate::commands::{
    Clean, Config, Evaluate, Grade, ImagesCommand, Index, Instances, ParityCommand, Replay, ReportCommand, Search,
    Solve, StatusCommand, SweepCommand, Validate, WorkCommand,
};
use crate::log::Format;

/// Agents that repair real repositories, and the verdict on their patches.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Cmd,
    /// Prints more to standard error; repeat it for the details of every request.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    /// Solves instances and judges the patches.
    Solve(Solve),
    /// Runs a recorded episode again with no model and says where it diverges; or continues from one of its steps with
    /// one.
    Replay(Replay),
    /// Runs many cells, instances and samples from one YAML file, and continues where it was stopped.
    Sweep(SweepCommand),
    /// Works on a sweep that was started elsewhere, alongside other processes and on any machine.
    Work(WorkCommand),
    /// Judges patches without solving anything.
    Evaluate(Evaluate),
    /// Runs the tests of instances with the gold patch and without any, and works out their test lists.
    Validate(Validate),
    /// Grades saved logs without any container.
    Grade(Grade),
    /// Compares verdicts on saved logs with those that official harnesses reached.
    Parity(ParityCommand),
    /// Prints the figures of runs, each with its denominator, and compares runs or cells.
    Report(ReportCommand),
    /// Shows the progress of a run, while it goes on or afterwards.
    Status(StatusCommand),
    /// Imports trajectories and candidate patches of other programs into a run.
    #[cfg(feature = "training")]
    Import(Import),
    /// Rates the episodes of runs without their verdicts, or trains a scorer, and reports how good the scores are.
    #[cfg(feature = "training")]
    Verify(Verify),
    /// Picks the best episode of each instance, and plots how well that works.
    #[cfg(feature = "training")]
    BestOf(BestOf),
    /// Lists the instances of a dataset, one id a line.
    Instances(Instances),
    /// Builds, pulls, lists and removes the images of instances.
    Images(ImagesCommand),
    /// Indexes a checkout for search.
    Index(Index),
    /// Finds code in a checkout; with `--recall`, measures how well issues find the files that solve them.
    Search(Box<Search>),
    /// Prints the configuration that a command would run with, as YAML, or explains its keys.
    Config(Config),
    /// Samples, keeps the solved episodes, trains with your own command, and evaluates, for as many iterations as a
    /// file says.
    #[cfg(feature = "training")]
    Improve(Improve),
    /// Exports data sets from runs.
    #[cfg(feature = "training")]
    Export(ExportCommand),
    /// Removes containers and folders that killed runs left behind.
    Clean(Clean),
}

/// Name of the argument for the format of the log.
const LOG: &str = "log_format";

/// Returns a command with an argument for the format of the log, which is before or after the name of a subcommand.
///
/// It is not a global argument, as `grade` has one of the same name, which means a file: there it stands before.
pub(crate) fn with_log(command: Command) -> Command {
    let log = Arg::new(LOG).long("log").value_name("FORMAT").value_parser(value_parser!(Format));
    let log = log.help("How standard error is written: `text` for people, or `json`, one object a line");
    let command = command.mut_subcommands(with_log);
    if command.get_arguments().any(|argument| argument.get_long() == Some("log")) { command } else { command.arg(log) }
}

/// Returns the log format that the arguments ask for; the last one wins.
pub(crate) fn log_format(matches: &ArgMatches) -> Format {
    let (mut format, mut next) = (Format::Text, Some(matches));
    while let Some(matches) = next {
        if let Ok(Some(found)) = matches.try_get_one::<Format>(LOG) {
            format = *found;
        }
        next = matches.subcommand().map(|(_, matches)| matches);
    }
    format
}
