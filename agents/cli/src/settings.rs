//! Arguments that several commands take.

use std::num::NonZeroUsize;

use clap::Args;
use dataset::Selection;

/// What every command that runs something takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// A layer of configuration: a YAML file, or `key.path=value`. Later layers win.
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

/// Which instances of a dataset are taken.
#[derive(Debug, Clone, Args)]
pub(crate) struct Picked {
    /// Only ids that this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    filter: Option<String>,
    /// Shuffles them with this seed; the order is the same on any machine.
    #[arg(long, value_name = "SEED")]
    shuffle: Option<u64>,
    /// Takes a slice of them, such as `:50` or `-10:`.
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    slice: Option<String>,
}

impl Picked {
    /// Returns the selection from these ids; from all where there is none.
    pub(crate) fn of(&self, ids: &[String]) -> Selection {
        Selection { ids: ids.to_vec(), filter: self.filter.clone(), shuffle: self.shuffle, slice: self.slice.clone() }
    }
}

impl Settings {
    /// Returns what they say of the configuration: the layers in order, the short forms last.
    pub(crate) fn layered(&self) -> runner::Settings {
        let short = [("env.dataset", &self.dataset), ("model.name", &self.model), ("run", &self.run)];
        let assignments = short.into_iter().filter_map(|(path, value)| Some((path, value.clone()?))).collect();
        let (layers, agent) = (self.layers.clone(), self.agent.clone());
        runner::Settings { layers, assignments, agent, ..runner::Settings::default() }
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
    let why = "it must be a whole number of seconds, at least 1\nhint: the limit cannot be turned off; use a large \
    number instead";
    text.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| why.to_owned())
}

/// More workers than any machine can use.
const MOST_WORKERS: usize = 10_000;
