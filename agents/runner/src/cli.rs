//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    Clean, Evaluate, Grade, ImagesCommand, Index, Instances, ParityCommand, Search, Solve, Validate,
};

/// Agents that repair real repositories, and the verdict on their patches.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Cmd,
    /// Says more on standard error; twice for the details of every request.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    /// Solves instances and judges the patches.
    Solve(Solve),
    /// Judges patches without solving anything.
    Evaluate(Evaluate),
    /// Runs instances with the reference solution and without any, and works out their test lists.
    Validate(Validate),
    /// Grades saved logs without any container.
    Grade(Grade),
    /// Compares verdicts on saved logs with those that official harnesses reached.
    Parity(ParityCommand),
    /// Lists the instances of a dataset, one id a line.
    Instances(Instances),
    /// Makes, fetches, lists and removes the images of instances.
    Images(ImagesCommand),
    /// Indexes a checkout for search.
    Index(Index),
    /// Finds code in a checkout; with `--recall`, measures how well issues find the files that solve them.
    Search(Box<Search>),
    /// Prints the configuration that a command would run with, as YAML.
    Config(Settings),
    /// Removes containers and folders that killed runs left behind.
    Clean(Clean),
}

/// What every command that runs something takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// A layer of configuration: a YAML file, or `key.path=value`. Later ones win.
    #[arg(short = 'c', long = "config", value_name = "FILE|KEY=VALUE")]
    pub(crate) layers: Vec<String>,
    /// The dataset: a name such as `swe-gym-lite`, or a file. Short for `-c env.dataset=…`.
    #[arg(short, long)]
    pub(crate) dataset: Option<String>,
    /// The model. Short for `-c model.name=…`.
    #[arg(short, long)]
    pub(crate) model: Option<String>,
    /// Name of the run, and of its folder. Short for `-c run=…`.
    #[arg(short, long)]
    pub(crate) run: Option<String>,
    /// The agent, where the program knows several.
    #[arg(short, long)]
    pub(crate) agent: Option<String>,
}

impl Settings {
    /// Returns the layers in order, the short forms last.
    pub(crate) fn assignments(&self) -> Vec<(&'static str, &str)> {
        let short = [("env.dataset", &self.dataset), ("model.name", &self.model), ("run", &self.run)];
        short.into_iter().filter_map(|(path, value)| Some((path, value.as_deref()?))).collect()
    }
}

/// Reads how many things are done at once.
pub(crate) fn workers(text: &str) -> Result<usize, String> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match text.parse() {
        Ok(count @ 1..=MOST_WORKERS) => Ok(count),
        _ => Err(format!(
            "it must be a whole number from 1 to {MOST_WORKERS}\nhint: {cores} is one for each core of this machine"
        )),
    }
}

/// Reads a limit on time.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let why = "it must be a whole number of seconds from 1 on\nhint: there is always a limit; a large number comes near to none";
    text.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| why.to_owned())
}

/// More at once than any machine has use for.
const MOST_WORKERS: usize = 10_000;

/// Returns whether a `-c` layer is a file.
pub(crate) fn layer_file(layer: &str) -> Option<PathBuf> {
    let path = PathBuf::from(layer);
    (!layer.contains('=') || path.is_file()).then_some(path)
}
