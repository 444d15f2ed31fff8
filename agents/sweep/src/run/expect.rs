//! What a sweep would run, and what it will probably cost.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use agent_core::OutcomeClass;
use journal::{Ending, Run};
use llm::{BudgetLimits, Gateways};
use runner::environments::Providers;
use serde_yaml::Value;

use super::open::{Shared, environment};
use crate::plan::{Plan, PlannedCell};

/// What a sweep would run.
#[derive(Debug)]
pub struct Expected {
    cells: Vec<ExpectedCell>,
    samples: u32,
    workers: usize,
}

/// What one cell would run.
#[derive(Debug)]
struct ExpectedCell {
    name: String,
    model: Option<String>,
    instances: usize,
    /// How many episodes of it need not be run, as the folder of the run has their results.
    done: usize,
    /// What an episode of the same agent and model took in the runs that are there.
    past: Option<Past>,
}

/// Episodes that have been run.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    episodes: usize,
    /// Those whose every query has a known price.
    priced: usize,
    cost: f64,
    tokens: u64,
}

/// Returns what a plan would run, with the cost by the past episodes of the same agents and models.
///
/// # Errors
/// With the place in the file, when a dataset cannot be had.
pub async fn expect(plan: &Plan, providers: &Providers) -> anyhow::Result<Expected> {
    let mut shared = Shared::new(Gateways::new(None, BudgetLimits::default())?);
    let mut cells = Vec::new();
    let agents: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.resolved.plug.name).collect();
    let mut past: Option<HashMap<(String, String), Past>> = None;
    // It may be there already, and then only the rest is run.
    let run = Run::open(&super::folder(plan)?).ok();
    for planned in &plan.cells {
        let resolved = &planned.resolved;
        let environment = environment(&mut shared, plan, resolved, providers).await?;
        let indexes = shared.instances(&plan.file, resolved, environment.as_ref())?;
        let ids = indexes.iter().filter_map(|index| environment.instances().get(*index));
        let ids: BTreeSet<&str> = ids.map(|instance| instance.instance_id.as_str()).collect();
        let done = run.as_ref().map_or(0, |run| done(run, plan, planned, &ids));
        let instances = indexes.len();
        let model = resolved.config.model.name.clone();
        let past = past.get_or_insert_with(|| past_episodes(&resolved.config.runs, &agents));
        let key = (resolved.plug.name.to_owned(), model.clone().unwrap_or_default());
        let (name, past) = (planned.name.clone(), past.get(&key).copied());
        cells.push(ExpectedCell { name, model, instances, done, past });
    }
    Ok(Expected { cells, samples: plan.samples(), workers: plan.workers() })
}

/// Returns how many episodes of a cell need not be run: those with their result, and those of instances that are left.
fn done(run: &Run, plan: &Plan, cell: &PlannedCell, ids: &BTreeSet<&str>) -> usize {
    let (samples, enough) = (plan.samples(), plan.file.spec.stop.solved);
    let mut done: HashMap<&str, u32> = HashMap::new();
    let mut solved: HashMap<&str, u32> = HashMap::new();
    run.each_episode(&cell.name, |episode| {
        let Some(id) = ids.get(episode.instance_id.as_str()).filter(|_| episode.sample < samples) else { return };
        let is_judged = !cell.of_sample(episode.sample).config.evaluate
            || !matches!(episode.ending(), Ending::Infrastructure | Ending::Unfinished);
        let has_ended = episode.ended.as_ref().is_some_and(|ended| ended.class != OutcomeClass::Infrastructure);
        if has_ended && episode.prediction.is_some() && is_judged {
            *done.entry(*id).or_default() += 1;
            *solved.entry(*id).or_default() += u32::from(episode.ending() == Ending::Solved);
        }
    });
    let is_left = |id: &str| enough.is_some_and(|enough| solved.get(id).is_some_and(|solved| *solved >= enough));
    let of_one = |(id, done): (&&str, &u32)| if is_left(id) { samples } else { *done } as usize;
    done.iter().map(of_one).sum()
}

/// Returns what the episodes of these agents took in all runs of a folder, by agent and model; those that infrastructure
/// broke for do not count.
fn past_episodes(runs: &Path, agents: &BTreeSet<&str>) -> HashMap<(String, String), Past> {
    let mut found: HashMap<(String, String), Past> = HashMap::new();
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    for run in entries.filter_map(|entry| Run::open(&entry.path()).ok()) {
        for cell in run.cells() {
            let Ok(Some(text)) = run.config(&cell) else { continue };
            let Ok(config) = serde_yaml::from_str::<Value>(&text) else { continue };
            let model = config["model"]["name"].as_str().unwrap_or_default().to_owned();
            // The configuration of a cell holds the block of its agent, whatever the cell's name.
            let Some(agent) = agents.iter().find(|agent| config.get(**agent).is_some()) else { continue };
            let past = found.entry(((*agent).to_owned(), model)).or_default();
            let ended = run.episodes(&cell).into_iter().filter_map(|episode| episode.ended);
            let ended = ended.filter(|ended| ended.class != OutcomeClass::Infrastructure);
            let paid = ended.filter_map(|ended| Some(ended.spending?.paid())).filter(|paid| paid.queries > 0);
            for spending in paid {
                past.episodes += 1;
                past.tokens += spending.usage.total();
                if spending.unpriced_queries == 0 {
                    past.priced += 1;
                    past.cost += spending.cost;
                }
            }
        }
    }
    found.retain(|_, past| past.episodes > 0);
    found
}

impl ExpectedCell {
    fn episodes(&self, samples: u32) -> usize {
        self.instances * samples as usize
    }

    /// Returns how many are still to be run.
    fn left(&self, samples: u32) -> usize {
        self.episodes(samples).saturating_sub(self.done)
    }

    /// Returns the probable cost of those in US dollars; `None` where no past episode tells.
    fn cost(&self, samples: u32) -> Option<f64> {
        let past = self.past.filter(|past| past.priced > 0)?;
        Some(past.cost / past.priced as f64 * self.left(samples) as f64)
    }

    fn tokens(&self, samples: u32) -> Option<u64> {
        let past = self.past?;
        Some(past.tokens / past.episodes as u64 * self.left(samples) as u64)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cells, samples, workers } = self;
        let width = cells.iter().map(|cell| cell.name.chars().count()).max().unwrap_or_default().max(4);
        writeln!(
            formatter,
            "{:<width$}  {:>9}  {:>7}  {:>8}  {:>8}  {:>10}  {:>14}  from",
            "cell", "instances", "samples", "episodes", "left", "cost", "tokens"
        )?;
        for cell in cells {
            let cost = cell.cost(*samples).map_or_else(|| "-".to_owned(), |cost| format!("${cost:.2}"));
            let tokens = cell.tokens(*samples).map_or_else(|| "-".to_owned(), |tokens| tokens.to_string());
            let from = match (&cell.past, &cell.model) {
                (Some(past), _) => format!("{} past episodes", past.episodes),
                (None, Some(model)) => format!("no past episode by {model}"),
                (None, None) => "no model is named".to_owned(),
            };
            let ExpectedCell { name, instances, .. } = cell;
            let (episodes, left) = (cell.episodes(*samples), cell.left(*samples));
            writeln!(
                formatter,
                "{name:<width$}  {instances:>9}  {samples:>7}  {episodes:>8}  {left:>8}  {cost:>10}  {tokens:>14}  {from}"
            )?;
        }
        let episodes: usize = cells.iter().map(|cell| cell.episodes(*samples)).sum();
        let left: usize = cells.iter().map(|cell| cell.left(*samples)).sum();
        let left = if left == episodes { String::new() } else { format!(", {left} of them left") };
        let cost: Option<f64> = cells.iter().map(|cell| cell.cost(*samples)).sum();
        let cost = cost.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.2}"));
        writeln!(formatter, "{} cells, {episodes} episodes{left}, {workers} at once, expected cost {cost}", cells.len())
    }
}
