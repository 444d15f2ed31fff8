//! Opens the cells of a plan.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use dataset::{Selection, read_ids, select};
use env_core::{Environment, find_instance, nearest};
use journal::{CellDir, Journal, Run, file_name};
use llm::Gateways;
use runner::Resolved;
use runner::environments::{Providers, open, refuse_unsolvable};
use runner::run_folder::{OtherSettings, keep_settings, open_cell};
use runner::stages::{Cell, Models};

use crate::file::File;
use crate::plan::{Plan, PlannedCell};

/// The hint for a cell that was made with other settings.
const RENAME: &str = "give the run or the cell another `name`: one cell never holds two settings";

/// A cell that can be worked on.
pub struct OpenCell {
    /// Its name.
    pub name: String,
    /// One for each sample.
    pub samples: Vec<Arc<Cell>>,
    /// The places of its instances among those of its environment.
    pub instances: Vec<usize>,
}

/// What cells share, by the settings that it is made from.
pub(super) struct Shared {
    gateways: Gateways,
    environments: HashMap<String, Arc<dyn Environment>>,
    models: HashMap<String, Arc<Models>>,
    selections: HashMap<String, Vec<usize>>,
}

impl Shared {
    /// Returns what cells share whose models go through these gateways.
    pub(super) fn new(gateways: Gateways) -> Self {
        Self { gateways, environments: HashMap::new(), models: HashMap::new(), selections: HashMap::new() }
    }

    /// Returns the same with models that go through other gateways.
    pub(super) fn through(self, gateways: Gateways) -> Self {
        Self { gateways, models: HashMap::new(), ..self }
    }

    /// Returns the environment of a configuration.
    pub(super) async fn environment(
        &mut self,
        resolved: &Resolved,
        providers: &Providers,
    ) -> anyhow::Result<Arc<dyn Environment>> {
        let key = key(resolved, &["env", "sandbox", "images"]);
        if let Some(environment) = self.environments.get(&key) {
            return Ok(environment.clone());
        }
        let environment = open(resolved, providers).await?;
        self.environments.insert(key, environment.clone());
        Ok(environment)
    }

    /// Returns what the models of a configuration are made from.
    fn models(&mut self, resolved: &Resolved) -> anyhow::Result<Arc<Models>> {
        let key = key(resolved, &["model", "embeddings", "env", "prompts"]) + resolved.plug.name;
        if let Some(models) = self.models.get(&key) {
            return Ok(models.clone());
        }
        let models = Arc::new(Models::open_with(resolved, &self.gateways)?);
        self.models.insert(key, models.clone());
        Ok(models)
    }

    /// Returns the places of the instances that a file picks.
    pub(super) fn instances(
        &mut self,
        file: &File,
        resolved: &Resolved,
        environment: &dyn Environment,
    ) -> anyhow::Result<Vec<usize>> {
        let key = key(resolved, &["env"]);
        if let Some(instances) = self.selections.get(&key) {
            return Ok(instances.clone());
        }
        let instances = pick(file, resolved, environment)?;
        self.selections.insert(key, instances.clone());
        Ok(instances)
    }
}

/// Returns a key of the settings below some configuration keys.
fn key(resolved: &Resolved, keys: &[&str]) -> String {
    keys.iter().map(|key| serde_json::to_string(&resolved.all.get(key)).unwrap_or_default() + "\n").collect()
}

/// Returns what the cells of a plan need, and writes nothing.
///
/// # Errors
/// With the place in the file, when a dataset cannot be had, or an instance cannot be solved or judged.
pub(super) async fn prepare(shared: &mut Shared, plan: &Plan, providers: &Providers) -> anyhow::Result<()> {
    for planned in &plan.cells {
        let environment = environment(shared, plan, &planned.resolved, providers).await?;
        let instances = shared.instances(&plan.file, &planned.resolved, environment.as_ref())?;
        let chosen = instances.iter().filter_map(|index| environment.instances().get(*index));
        refuse_unsolvable(&planned.resolved, environment.as_ref(), chosen)?;
        for resolved in std::iter::once(&planned.resolved).chain(planned.overrides.values()) {
            shared.models(resolved).map_err(|err| plan.file.source.at(&planned.at, format!("{err:#}")))?;
        }
    }
    Ok(())
}

/// Opens the cells of a plan, each with its folder.
///
/// # Errors
/// When a model cannot be had, or a folder holds what other settings made.
pub(super) async fn open_cells(
    plan: &Plan,
    mut shared: Shared,
    journal: &Journal,
    providers: &Providers,
) -> anyhow::Result<Vec<OpenCell>> {
    let mut cells = Vec::new();
    for planned in &plan.cells {
        let environment = environment(&mut shared, plan, &planned.resolved, providers).await?;
        let instances = shared.instances(&plan.file, &planned.resolved, environment.as_ref())?;
        let folder = open_cell(&planned.resolved, journal, &planned.name, OtherSettings::Refuse(RENAME))?;
        let samples = open_samples(&mut shared, plan, planned, &folder, providers).await?;
        cells.push(OpenCell { name: folder.name().to_owned(), samples, instances });
    }
    Ok(cells)
}

/// Opens the samples of a cell. Those with the same settings share all but their number.
async fn open_samples(
    shared: &mut Shared,
    plan: &Plan,
    planned: &PlannedCell,
    folder: &CellDir,
    providers: &Providers,
) -> anyhow::Result<Vec<Arc<Cell>>> {
    let mut usual: Option<Arc<Cell>> = None;
    let mut samples = Vec::new();
    for sample in 0..plan.samples() {
        let (is_usual, folder) = (!planned.overrides.contains_key(&sample), folder.of_sample(sample));
        if let Some(cell) = usual.as_ref().filter(|_| is_usual) {
            let cell = Arc::new(cell.of_sample(sample));
            cell.refuse_others()?;
            samples.push(cell);
            continue;
        }
        let resolved = planned.of_sample(sample);
        if !is_usual {
            keep_settings(resolved, &folder, &format!("config.{sample}.yaml"), OtherSettings::Refuse(RENAME))?;
        }
        let environment = environment(shared, plan, resolved, providers).await?;
        let models = shared.models(resolved).map_err(|err| plan.file.source.at(&planned.at, format!("{err:#}")))?;
        let cell = Arc::new(Cell::new(resolved.clone(), environment, models, folder)?);
        cell.refuse_others()?;
        samples.push(cell.clone());
        if is_usual {
            usual = Some(cell);
        }
    }
    Ok(samples)
}

/// Returns the environment of a configuration; where there is none, the place in the file is named.
pub(super) async fn environment(
    shared: &mut Shared,
    plan: &Plan,
    resolved: &Resolved,
    providers: &Providers,
) -> anyhow::Result<Arc<dyn Environment>> {
    let source = &plan.file.source;
    let at = if source.has("instances.dataset") { "instances.dataset" } else { "base.env.dataset" };
    shared.environment(resolved, providers).await.map_err(|err| source.at(at, format!("{err:#}")).into())
}

/// Returns the places of the instances that a file picks.
fn pick(file: &File, resolved: &Resolved, environment: &dyn Environment) -> anyhow::Result<Vec<usize>> {
    let (wanted, runs, own) = (&file.spec.instances, resolved.config.runs.as_path(), resolved.run_name());
    let mut ids = wanted.ids.clone();
    if let Some(path) = &wanted.file {
        let read = read_ids(Path::new(path)).map_err(|err| file.source.at("instances.file", err))?;
        ids.extend(read);
    }
    let selection =
        Selection { ids, filter: wanted.filter.clone(), shuffle: wanted.shuffle, slice: wanted.slice.clone() };
    let instances = environment.instances();
    for (index, id) in wanted.ids.iter().enumerate() {
        find_instance(instances, id).map_err(|err| file.source.at(&format!("instances.ids[{index}]"), err))?;
    }
    let mut picked = select(instances, &selection).map_err(|err| file.source.at("instances", err))?;
    for (index, run) in wanted.unsolved_in.iter().enumerate() {
        let at = if file.source.has("instances.unsolved_in[0]") {
            format!("instances.unsolved_in[{index}]")
        } else {
            "instances.unsolved_in".to_owned()
        };
        if file_name(run) == file_name(&own) {
            let message = format!("`{run}` is this run itself: what it solves would change what it is asked for");
            return Err(file.source.at(&at, message).into());
        }
        let solved = solved_in(runs, run).map_err(|err| file.source.at(&at, format!("{err:#}")))?;
        picked.retain(|place| instances.get(*place).is_none_or(|one| !solved.contains(&one.instance_id)));
    }
    if picked.is_empty() {
        return Err(file.source.at("instances", "no instance is left: all are solved in those runs").into());
    }
    Ok(picked)
}

/// Returns the instances that a run has solved.
fn solved_in(runs: &Path, run: &str) -> anyhow::Result<HashSet<String>> {
    let path = runs.join(file_name(run));
    if !path.is_dir() {
        let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
        let known: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let near = nearest(run, known.iter().map(String::as_str));
        let hint = near.map(|near| format!("\nhint: did you mean `{near}`?")).unwrap_or_default();
        anyhow::bail!("there is no run `{run}` in `{}`{hint}", runs.display());
    }
    let run = Run::open(&path).with_context(|| format!("the run `{run}` cannot be read"))?;
    let cells = run.cells();
    let episodes = cells.iter().flat_map(|cell| run.episodes(cell));
    let solved = episodes.filter(|one| one.judged.as_ref().is_some_and(|judged| judged.resolved == Some(true)));
    Ok(solved.map(|one| one.instance_id).collect())
}
