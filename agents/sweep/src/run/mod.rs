//! Runs a sweep: works on the episodes without a result, and summarizes.

mod counts;
mod expect;
mod kept;
mod open;
mod pilot;
mod queue;
mod tally;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use env_core::Instance;
use journal::{Journal, Lease, Run, file_name, read_text, write_summary, write_whole};
use llm::{BudgetLimits, Gateways};
use runner::engine::{Engine, Event, Work};
use runner::environments::Providers;
use runner::stages::{Attempt, Cell, Solving};

use crate::file::{Budget, Order};
use crate::plan::Plan;
use crate::report::{By, CellFacts, Format, Report};
pub use counts::{Counts, Limits};
pub use expect::{Expected, expect};
pub use kept::{KEPT, Kept};
pub use open::OpenCell;
use open::Shared;
pub use pilot::PilotOptions;
use queue::{Item, Spent, Taken, Waiting, by_cell, cell_of, in_order};
pub use tally::Tally;

/// Name of the copy of the sweep file in the folder of the run.
pub const SWEEP: &str = "sweep.yaml";
/// The folder for what starts processes elsewhere, in the folder of the run.
pub const ENGINE: &str = "engine";
/// The file that has processes finish what is under way, while it is there.
pub const DRAIN: &str = "engine/drain";
/// The folder in which processes share the limits of servers and the budget.
const GATEWAY: &str = "gateway";

/// A sweep that can be worked on.
pub struct Sweep {
    plan: Plan,
    journal: Journal,
    cells: Vec<OpenCell>,
    gateways: Gateways,
    /// Keeps other processes from the run, where it is not shared.
    _lease: Option<Lease>,
}

/// Returns the folder of a plan's run.
fn folder(plan: &Plan) -> anyhow::Result<PathBuf> {
    let first = plan.cells.first().context("the sweep has no cell")?;
    Ok(first.resolved.config.runs.join(file_name(&plan.run)))
}

/// Removes a file where there is one.
fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

impl Sweep {
    /// Opens the folder of a sweep's run and all that its cells need. `shared`: also where another process is at it.
    ///
    /// # Errors
    /// When another process is at the run and it is not shared, when a cell holds what other settings made, and when a
    /// dataset, a model or a folder cannot be had.
    pub async fn open(plan: Plan, providers: &Providers, shared: bool) -> anyhow::Result<Self> {
        let folder = folder(&plan)?;
        // Datasets and models come first, so that a file that is wrong leaves nothing behind.
        let mut shared_by_cells = Shared::new(Gateways::new(None, BudgetLimits::default())?);
        open::prepare(&mut shared_by_cells, &plan, providers).await?;
        let lease = Lease::take(&folder.join("leases").join("sweep.run"))?;
        let has_another = || anyhow::Ok(read_text(&folder.join(SWEEP))?.is_some_and(|text| text != plan.file.text));
        if lease.is_none() && shared && has_another()? {
            bail!(
                "another process is running the sweep `{}` from a different file\nhint: share the same one, or choose \
                another `--run`",
                folder.display()
            );
        }
        if lease.is_none() && !shared {
            bail!(
                "another process is running the sweep `{}`\nhint: `spotter status {}` shows it; `--share` works on it \
                as well",
                folder.display(),
                plan.run
            );
        }
        let is_alone = lease.is_some();
        if is_alone {
            // This command continues even if an earlier one was told to drain.
            remove(&folder.join(DRAIN))?;
        }
        let sweep = Self::opened(plan, &folder, shared_by_cells, providers, lease).await?;
        sweep.keep_plan(&sweep.left())?;
        write_whole(&folder.join(SWEEP), sweep.plan.file.text.as_bytes())?;
        Kept::of(&sweep.plan)?.write(&folder)?;
        if is_alone {
            sweep.retry_given_up()?;
        }
        Ok(sweep)
    }

    /// Opens a sweep that another process has begun, and changes nothing of what is asked for.
    ///
    /// # Errors
    /// As [`Sweep::open`].
    pub async fn join(plan: Plan, providers: &Providers) -> anyhow::Result<Self> {
        let folder = folder(&plan)?;
        let mut shared_by_cells = Shared::new(Gateways::new(None, BudgetLimits::default())?);
        open::prepare(&mut shared_by_cells, &plan, providers).await?;
        Self::opened(plan, &folder, shared_by_cells, providers, None).await
    }

    async fn opened(
        plan: Plan,
        folder: &Path,
        shared_by_cells: Shared,
        providers: &Providers,
        lease: Option<Lease>,
    ) -> anyhow::Result<Self> {
        let Budget { cost, tokens, .. } = plan.file.spec.budget;
        let journal = Journal::open(folder)?;
        let gateways = Gateways::new(Some(folder.join(GATEWAY)), BudgetLimits { cost, tokens })?;
        let shared_by_cells = shared_by_cells.through(gateways.clone());
        let cells = open::open_cells(&plan, shared_by_cells, &journal, providers).await?;
        let sweep = Self { plan, journal, cells, gateways, _lease: lease };
        // What was spent before there was a budget is spent of it.
        let Spent { cost, tokens } = sweep.taken().all();
        sweep.gateways.budget().charge_earlier(cost, tokens).await?;
        Ok(sweep)
    }

    /// Returns the figures of the cells, as a table for people.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn table(&self) -> anyhow::Result<String> {
        let run = Run::of(&self.journal);
        let facts = self.cells.iter().map(|cell| {
            let allowed = cell.samples.first().map(|sample| sample.resolved.config.evaluation.infrastructure);
            CellFacts::read(&run, &self.plan.run, &cell.name, allowed)
        });
        Report::new(&facts.collect::<Vec<_>>(), By::Cell, None)?.write(Format::Table)
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the cells.
    pub fn cells(&self) -> &[OpenCell] {
        &self.cells
    }

    /// Returns the journal of the run.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns how many episodes are planned.
    pub fn episodes(&self) -> usize {
        self.cells.iter().map(|cell| cell.samples.len() * cell.instances.len()).sum()
    }

    /// Works on what has no result yet, with the engine's workers, until all has one, or the sweep is stopped.
    ///
    /// # Errors
    /// When the journal or a view cannot be written.
    pub async fn run(&self, engine: &Engine) -> anyhow::Result<Counts> {
        let limits = self.limits(engine.workers);
        let all = self.all();
        let (planned, solved) = (all.len(), self.solved());
        let pending: Vec<Item> = all.into_iter().filter(|item| !self.is_done(*item)).collect();
        let items = pending.len();
        engine.events.tell(&Event::Planned { cells: &by_cell(&self.cells, &pending) });
        let pending = self.by_images(pending, engine).await?;
        let known = (solved, self.taken());
        let mut waiting = Waiting::new(&self.cells, &limits, pending, known, engine);
        let served = engine.serve(&Arc::new(Solving), items, &mut waiting).await;
        if let Err(err) = self.gateways.budget().sync().await {
            tracing::warn!("the spending could not be shared with other processes: {err}");
        }
        served?;
        let mut counts = waiting.into_counts();
        counts.kept = planned - items;
        self.finish()?;
        Ok(counts)
    }

    /// Returns episodes in the order in which their images are best pulled, where these have a budget.
    async fn by_images(&self, pending: Vec<Item>, engine: &Engine) -> anyhow::Result<Vec<Item>> {
        if engine.permits.images().is_none() {
            return Ok(pending);
        }
        let attempt = |item: &Item| Some(Attempt { cell: cell_of(&self.cells, *item)?.clone(), index: item.index });
        let image = |item: &Item| Solving.image(&attempt(item)?);
        let order = engine.plan(pending.iter().map(image).collect()).await?;
        Ok(order.into_iter().filter_map(|place| pending.get(place).copied()).collect())
    }

    /// Returns the limits of a command that starts now, with this many workers.
    pub fn limits(&self, workers: usize) -> Limits {
        Limits::new(&self.plan.file.spec, workers)
    }

    /// Returns all episodes, in the order of the file.
    fn all(&self) -> Vec<Item> {
        let spec = &self.plan.file.spec;
        let samples_first = match spec.order {
            Some(order) => order == Order::Samples,
            None => spec.stop.solved.is_some(),
        };
        in_order(&self.cells, samples_first)
    }

    /// Writes the views of every cell, and plans only what has not been left.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn finish(&self) -> anyhow::Result<()> {
        self.journal.refresh()?;
        self.keep_plan(&self.left())?;
        self.summarize()
    }

    /// Returns the episodes that are not run, as enough others have solved their instance.
    fn left(&self) -> BTreeSet<Item> {
        let Some(enough) = self.plan.file.spec.stop.solved else { return BTreeSet::new() };
        let solved = self.solved();
        let has_enough = |item: &Item| solved.get(&(item.cell, item.index)).is_some_and(|solved| *solved >= enough);
        in_order(&self.cells, false).into_iter().filter(|item| has_enough(item) && !self.is_done(*item)).collect()
    }

    /// Writes the summaries of every sample of every cell.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn summarize(&self) -> anyhow::Result<()> {
        for cell in self.cells.iter().flat_map(|cell| &cell.samples) {
            let allowed = cell.resolved.config.evaluation.infrastructure;
            cell.cell_dir.write_missing_views()?;
            write_summary(&cell.cell_dir, cell.environment.as_ref(), allowed)?;
        }
        Ok(())
    }

    fn instance(&self, item: Item) -> Option<(&Arc<Cell>, &Instance)> {
        let cell = cell_of(&self.cells, item)?;
        Some((cell, cell.environment.instances().get(item.index)?))
    }

    fn is_done(&self, item: Item) -> bool {
        self.instance(item).is_some_and(|(cell, instance)| cell.is_done(instance))
    }

    /// Notes in the journal which episodes are asked for, and that those of cells that the file no longer has are not.
    fn keep_plan(&self, left: &BTreeSet<Item>) -> anyhow::Result<()> {
        let run = Run::of(&self.journal);
        let mut dropped: BTreeSet<(String, u32)> = run
            .cells()
            .into_iter()
            .flat_map(|cell| run.planned(&cell).into_iter().map(move |one| (cell.clone(), one)))
            .collect();
        for (place, cell) in self.cells.iter().enumerate() {
            for (sample, of_sample) in cell.samples.iter().enumerate() {
                let (place, sample) = (u32::try_from(place)?, u32::try_from(sample)?);
                let instances = of_sample.environment.instances();
                let is_kept = |index: &&usize| !left.contains(&Item { cell: place, sample, index: **index });
                let kept = cell.instances.iter().filter(is_kept).filter_map(|index| instances.get(*index));
                of_sample.cell_dir.plan(kept.map(|instance| instance.instance_id.as_str()))?;
                dropped.remove(&(cell.name.clone(), sample));
            }
        }
        for (cell, sample) in dropped {
            journal::CellDir::of(&self.journal, &cell).of_sample(sample).plan([])?;
        }
        Ok(())
    }

    /// Returns how many samples of each cell have solved each instance.
    fn solved(&self) -> HashMap<(u32, usize), u32> {
        let mut solved = HashMap::new();
        for item in in_order(&self.cells, false) {
            let is_solved = |(cell, instance): (&Arc<Cell>, &Instance)| cell.cell_dir.is_solved(&instance.instance_id);
            if self.instance(item).is_some_and(is_solved) {
                *solved.entry((item.cell, item.index)).or_default() += 1;
            }
        }
        solved
    }

    /// Returns what earlier commands have taken.
    fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        let mut asked = BTreeSet::new();
        for item in in_order(&self.cells, false) {
            let Some((cell, instance)) = self.instance(item) else { continue };
            let id = &instance.instance_id;
            if let Some(spending) = cell.cell_dir.ended(id).and_then(|ended| ended.spending) {
                taken.set(item, Spent::from(&spending));
                asked.insert((cell.cell_dir.name().to_owned(), id.clone(), item.sample));
            }
        }
        let run = Run::of(&self.journal);
        for cell in run.cells() {
            run.each_episode(&cell, |episode| {
                let spending = episode.ended.and_then(|ended| ended.spending);
                if !asked.contains(&(episode.cell, episode.instance_id, episode.sample)) {
                    spending.iter().for_each(|spending| taken.add(Spent::from(spending)));
                }
            });
        }
        taken
    }
}
