//! Which episode comes next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::{ExitStatus, Spending};
use runner::engine::{After, Engine, Next, Permits, Queue, Work};
use runner::stages::{Attempt, Attempted, Solved, Solving};
use tokio_util::sync::CancellationToken;

use super::open::OpenCell;
use super::{Counts, Limits};

/// How long it takes until it is looked again whether another process is done with an episode.
const HELD: Duration = Duration::from_secs(2);
/// The longest pause before something is retried.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// An episode of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Item {
    /// The place of the cell.
    pub(super) cell: u32,
    /// The sample.
    pub(super) sample: u32,
    /// The place of the instance among those of the environment.
    pub(super) index: usize,
}

/// The episodes of a sweep that have no result yet, in their order.
pub(super) struct Waiting<'a> {
    cells: &'a [OpenCell],
    limits: &'a Limits,
    pending: VecDeque<Item>,
    /// What is retried, and when.
    later: BinaryHeap<Reverse<(Instant, Item)>>,
    /// How often infrastructure broke for an episode, in this process.
    failures: HashMap<Item, u32>,
    /// How many samples of a cell have solved an instance.
    solved: HashMap<(u32, usize), u32>,
    taken: Taken,
    /// The episodes that infrastructure broke for since one last ended otherwise.
    in_a_row: HashSet<Item>,
    /// Ends the sweep with what is under way.
    drain: CancellationToken,
    permits: Permits,
    counts: Counts,
}

/// What a sweep has taken so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// US dollars.
    pub(super) cost: f64,
    /// Tokens read and written.
    pub(super) tokens: u64,
}

impl From<&Spending> for Spent {
    fn from(spending: &Spending) -> Self {
        let paid = spending.paid();
        Self { cost: paid.cost, tokens: paid.usage.total() }
    }
}

/// What the episodes of a run have taken, each as of its last word: an episode that continues says again what it had
/// taken before.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    /// All of it.
    pub(super) all: Spent,
    by_episode: HashMap<Item, Spent>,
}

impl Taken {
    /// Takes in what an episode has taken in all.
    pub(super) fn set(&mut self, item: Item, spent: Spent) {
        let before = self.by_episode.insert(item, spent).unwrap_or_default();
        self.all.cost += spent.cost - before.cost;
        self.all.tokens = self.all.tokens.saturating_sub(before.tokens).saturating_add(spent.tokens);
    }

    /// Returns what all have taken.
    pub(super) fn all(&self) -> Spent {
        self.all
    }

    /// Adds what an episode has taken that the sweep no longer asks for.
    pub(super) fn add(&mut self, spent: Spent) {
        self.all.cost += spent.cost;
        self.all.tokens = self.all.tokens.saturating_add(spent.tokens);
    }
}

impl<'a> Waiting<'a> {
    /// Returns what waits; `taken` is what earlier commands have taken.
    pub(super) fn new(
        cells: &'a [OpenCell],
        limits: &'a Limits,
        pending: Vec<Item>,
        (solved, taken): (HashMap<(u32, usize), u32>, Taken),
        engine: &Engine,
    ) -> Self {
        let mut waiting = Self {
            cells,
            limits,
            pending: pending.into(),
            later: BinaryHeap::new(),
            failures: HashMap::new(),
            solved,
            taken,
            in_a_row: HashSet::new(),
            drain: engine.drain.clone(),
            permits: engine.permits.clone(),
            counts: Counts::default(),
        };
        waiting.heed_budget();
        waiting
    }

    /// Returns what came of the episodes that ended.
    pub(super) fn into_counts(self) -> Counts {
        self.counts
    }

    fn attempt(&self, item: Item) -> Option<Attempt> {
        let cell = self.cells.get(item.cell as usize)?.samples.get(item.sample as usize)?;
        Some(Attempt { cell: cell.clone(), index: item.index })
    }

    /// Returns whether enough samples have solved the instance of an episode.
    fn is_left(&self, item: Item) -> bool {
        let solved = || self.solved.get(&(item.cell, item.index)).copied().unwrap_or_default();
        self.limits.solved.is_some_and(|enough| solved() >= enough)
    }

    /// Stops the sweep once it has taken what it may.
    fn heed_budget(&mut self) {
        let (budget, spent) = (&self.limits.budget, self.taken.all);
        if self.pending.is_empty() && self.later.is_empty() {
            return;
        }
        let what = if budget.cost.is_some_and(|most| spent.cost >= most) {
            format!("${:.2} are spent", spent.cost)
        } else if budget.tokens.is_some_and(|most| spent.tokens >= most) {
            format!("{} tokens are used", spent.tokens)
        } else {
            return;
        };
        self.stop(format!("{what}, which is the budget\nhint: run the same command with a larger budget to continue"));
    }

    fn stop(&mut self, why: String) {
        self.drain.cancel();
        self.counts.stopped.get_or_insert(why);
    }

    /// Counts a failure of infrastructure; has the episode tried again where it may be.
    fn failed(&mut self, item: Item, why: &str) -> After {
        self.in_a_row.insert(item);
        let count = self.in_a_row.len();
        if count >= self.limits.in_a_row {
            self.stop(format!(
                "infrastructure failed for {count} episodes in a row, most recently: {why}\n\
                 hint: fix that and run the same command again to continue"
            ));
        }
        let failures = self.failures.entry(item).or_default();
        *failures += 1;
        if *failures <= self.limits.retries {
            let wait = self.limits.wait.saturating_mul(1 << (*failures - 1).min(16)).min(LONGEST_WAIT);
            self.later.push(Reverse((Instant::now() + wait, item)));
            return After::Again;
        }
        self.counts.infrastructure += 1;
        After::Done
    }

    fn solved(&mut self, item: Item, attempt: &Attempt, solved: &Solved) -> After {
        self.taken.set(item, Spent::from(&solved.outcome.spending));
        if matches!(solved.outcome.exit_status, ExitStatus::BudgetSpent(_)) {
            self.stop("the budget is spent\nhint: run the same command with a larger budget to continue".to_owned());
            return After::Nothing;
        }
        self.heed_budget();
        if solved.failed() {
            let why = format!("{:?}", solved.outcome.exit_status);
            return self.failed(item, &why);
        }
        self.in_a_row.clear();
        match &solved.verdict {
            Some(verdict) if verdict.report.resolved => {
                *self.solved.entry((item.cell, item.index)).or_default() += 1;
                self.counts.solved += 1;
            }
            None if !attempt.cell.resolved.config.evaluate => self.counts.not_judged += 1,
            _ => self.counts.unsolved += 1,
        }
        After::Done
    }
}

impl Queue<Solving> for Waiting<'_> {
    type Key = Item;

    fn next(&mut self) -> anyhow::Result<Next<Item, Attempt>> {
        loop {
            let now = Instant::now();
            let due = self.later.peek().map(|Reverse((due, _))| *due);
            let is_over = self.limits.deadline.is_some_and(|deadline| now >= deadline);
            if is_over && !(self.pending.is_empty() && self.later.is_empty()) {
                self.stop("the time limit was reached\nhint: run the same command again to continue".to_owned());
                return Ok(Next::Empty);
            }
            let item = match due.is_some_and(|due| due <= now) {
                true => self.later.pop().map(|Reverse((_, item))| item),
                false => self.pending.pop_front(),
            };
            let Some(item) = item else {
                let until = due.map(|due| self.limits.deadline.map_or(due, |deadline| deadline.min(due)));
                return Ok(until.map_or(Next::Empty, |until| Next::Wait(until.saturating_duration_since(now))));
            };
            if self.is_left(item) {
                self.counts.left += 1;
                if let Some(attempt) = self.attempt(item) {
                    if let Some(instance) = attempt.instance() {
                        self.permits.pass_over(attempt.cell.environment.as_ref(), instance);
                    }
                    return Ok(Next::Skip(Solving.item(&attempt)));
                }
            } else if let Some(attempt) = self.attempt(item) {
                return Ok(Next::Item(item, attempt));
            }
        }
    }

    fn ended(&mut self, item: Item, output: Result<(Attempt, Attempted), String>) -> anyhow::Result<After> {
        Ok(match output {
            Ok((attempt, Attempted::Solved(solved))) => self.solved(item, &attempt, &solved),
            Ok((_, Attempted::Failed(why))) | Err(why) => self.failed(item, &why),
            Ok((attempt, Attempted::Held)) => {
                attempt.cell.cell_dir.journal().refresh()?;
                if attempt.instance().is_some_and(|instance| attempt.cell.is_done(instance)) {
                    self.counts.elsewhere += 1;
                    After::Done
                } else {
                    self.later.push(Reverse((Instant::now() + HELD, item)));
                    After::Nothing
                }
            }
            Ok((_, Attempted::GivenUp)) => After::Nothing,
        })
    }
}

/// Returns the episodes of cells in the order in which they are worked on: those of one instance follow each other, or
/// those of one sample.
pub(super) fn in_order(cells: &[OpenCell], samples_first: bool) -> Vec<Item> {
    let longest = cells.iter().map(|cell| cell.instances.len()).max().unwrap_or_default();
    let samples = cells.iter().map(|cell| cell.samples.len()).max().unwrap_or_default();
    let item = |cell: usize, sample: usize, place: usize| {
        let of = cells.get(cell)?;
        let (index, _) = (of.instances.get(place)?, of.samples.get(sample)?);
        Some(Item { cell: u32::try_from(cell).ok()?, sample: u32::try_from(sample).ok()?, index: *index })
    };
    let each = |place: usize, sample: usize| (0..cells.len()).filter_map(move |cell| item(cell, sample, place));
    if samples_first {
        (0..samples)
            .flat_map(|sample| (0..longest).map(move |place| (place, sample)))
            .flat_map(|(p, s)| each(p, s))
            .collect()
    } else {
        (0..longest)
            .flat_map(|place| (0..samples).map(move |sample| (place, sample)))
            .flat_map(|(p, s)| each(p, s))
            .collect()
    }
}

/// Returns the cell of an item.
pub(super) fn cell_of(cells: &[OpenCell], item: Item) -> Option<&Arc<runner::stages::Cell>> {
    cells.get(item.cell as usize)?.samples.get(item.sample as usize)
}

/// Returns how many of these episodes each cell has.
pub(super) fn by_cell(cells: &[OpenCell], items: &[Item]) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = cells.iter().map(|cell| (cell.name.clone(), 0)).collect();
    for item in items {
        if let Some((_, count)) = counts.get_mut(item.cell as usize) {
            *count += 1;
        }
    }
    counts
}
