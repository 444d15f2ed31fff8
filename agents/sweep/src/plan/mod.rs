//! What a sweep runs: cells with their settings, and the samples of each.

mod cells;
mod samples;

use std::collections::BTreeMap;

use runner::config::InvalidSetting;
use runner::{Plugs, Resolved, Settings};
use serde_yaml::Value;

use crate::file::{File, in_plain_words, join};
pub use cells::{CellSpec, Set};

/// A sweep whose every cell has its configuration.
#[derive(Clone)]
pub struct Plan {
    /// Name of the run.
    pub run: String,
    /// The file.
    pub file: File,
    /// The layers that are laid over its `base`.
    pub layers: Vec<String>,
    /// The cells, in the order of the file.
    pub cells: Vec<PlannedCell>,
}

/// A cell with the configuration of each of its samples.
#[derive(Clone)]
pub struct PlannedCell {
    /// Its name.
    pub name: String,
    /// Where in the file it is.
    pub at: String,
    /// The configuration of the samples that have none of their own.
    pub resolved: Resolved,
    /// Those that single samples have of their own.
    pub overrides: BTreeMap<u32, Resolved>,
}

impl PlannedCell {
    /// Returns the configuration of a sample.
    pub fn of_sample(&self, sample: u32) -> &Resolved {
        self.overrides.get(&sample).unwrap_or(&self.resolved)
    }
}

impl Plan {
    /// Plans a sweep. `settings` is what the command says besides the file: its layers are laid over `base` and under
    /// what a cell has of its own. `agent` is the agent that runs when none is named, `run` the name of the run.
    ///
    /// # Errors
    /// With the line and column of the setting that does not fit.
    pub fn new(file: File, plugs: &Plugs, settings: &Settings, run: &str) -> anyhow::Result<Self> {
        let agent = plugs.first_agent().unwrap_or_default();
        let overrides = samples::overrides(&file)?;
        let mut planned = Vec::new();
        for cell in cells::cells(&file, agent)? {
            let resolved = resolve(&file, plugs, settings, run, &cell, &[])?;
            let own = overrides
                .iter()
                .map(|(sample, sets)| Ok((*sample, resolve(&file, plugs, settings, run, &cell, sets)?)));
            let overrides = own.collect::<anyhow::Result<_>>()?;
            planned.push(PlannedCell { name: cell.name, at: cell.at, resolved, overrides });
        }
        Ok(Self { run: run.to_owned(), file, layers: settings.layers.clone(), cells: planned })
    }

    /// Returns how many samples each cell has.
    pub fn samples(&self) -> u32 {
        self.file.spec.samples.count.unwrap_or(1)
    }

    /// Returns how many episodes are under way at once.
    pub fn workers(&self) -> usize {
        self.file.spec.workers.unwrap_or(1)
    }
}

/// Resolves the settings of a cell, or of one of its samples.
fn resolve(
    file: &File,
    plugs: &Plugs,
    settings: &Settings,
    run: &str,
    cell: &CellSpec,
    of_sample: &[Set],
) -> anyhow::Result<Resolved> {
    let mut settings = settings.clone();
    let origin = "base".to_owned();
    settings.base = Some((Value::Mapping(file.spec.base.clone()), origin));
    settings.agent = cell.agent.clone().or(settings.agent);
    let dataset = file
        .spec
        .instances
        .dataset
        .iter()
        .map(|dataset| ("env.dataset".to_owned(), Value::from(dataset.as_str()), "`instances.dataset`".to_owned()));
    let own = cell.sets.iter().chain(of_sample);
    let own = own.map(|set| (set.path.clone(), set.value.clone(), format!("`{}`", set.at)));
    settings.sets = dataset.chain(own).collect();
    settings.assignments.push(("run", run.to_owned()));
    Resolved::load(plugs, &settings, &file.spec.instances.ids).map_err(|err| {
        let at = match err.downcast_ref::<InvalidSetting>() {
            Some(unfit) => place(file, unfit, cell, of_sample),
            None => "base".to_owned(),
        };
        file.source.at(&at, in_plain_words(&format!("{err:#}"))).into()
    })
}

/// Returns where in the file a setting stands that does not fit: with the sample, with the cell, or in `base`.
fn place(file: &File, unfit: &InvalidSetting, cell: &CellSpec, of_sample: &[Set]) -> String {
    let is_over = |set: &&Set| {
        let (ours, theirs) = (set.path.as_str(), unfit.path.as_str());
        ours == theirs
            || theirs.strip_prefix(ours).or(ours.strip_prefix(theirs)).is_some_and(|rest| rest.starts_with('.'))
    };
    let set = of_sample.iter().rev().chain(cell.sets.iter().rev()).find(is_over);
    match set {
        Some(set) => {
            let below = unfit.path.strip_prefix(&set.path).unwrap_or_default();
            format!("{}{below}", set.at)
        }
        None if unfit.path == "agent" => cell.agent_at.clone(),
        None if unfit.path == "env.dataset" && file.source.has("instances.dataset") => "instances.dataset".to_owned(),
        None => join("base", &unfit.path),
    }
}
