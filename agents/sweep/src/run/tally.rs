//! How far a sweep has got that other processes work on.

use std::collections::HashMap;

use super::queue::Item;
use super::{Counts, Limits, Sweep};

/// The episodes that had no result when a command began, and what has come of them.
pub struct Tally<'a> {
    sweep: &'a Sweep,
    limits: Limits,
    pending: Vec<Item>,
    /// When each came to an end for want of money or tokens, by what earlier commands had.
    lacking: HashMap<Item, f64>,
    counts: Counts,
}

impl Sweep {
    /// Returns what is to be done of a sweep now, to be followed by its journal.
    pub fn tally(&self) -> Tally<'_> {
        let all = self.all();
        let planned = all.len();
        let pending: Vec<Item> = all.into_iter().filter(|item| !self.is_done(*item)).collect();
        let counts = Counts { kept: planned - pending.len(), ..Counts::default() };
        let lacking = pending.iter().filter_map(|item| Some((*item, self.lacks_budget(*item)?))).collect();
        Tally { sweep: self, limits: self.limits(0), pending, lacking, counts }
    }

    /// Returns when an episode last came to an end for want of money or tokens, if that is how it ended.
    fn lacks_budget(&self, item: Item) -> Option<f64> {
        let (cell, instance) = self.instance(item)?;
        let id = instance.instance_id.as_str();
        cell.cell_dir.ended(id).filter(journal::Ended::lacks_budget)?;
        cell.cell_dir.came(id)
    }
}

impl Tally<'_> {
    /// Takes in what the processes have written since; returns how many episodes are left.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn look(&mut self) -> anyhow::Result<usize> {
        let Self { sweep, limits, pending, counts, .. } = self;
        sweep.journal.refresh()?;
        pending.retain(|item| {
            let Some((cell, instance)) = sweep.instance(*item) else { return false };
            let id = instance.instance_id.as_str();
            if cell.is_done(instance) {
                *match cell.resolved.config.evaluate {
                    false => &mut counts.not_judged,
                    true if cell.cell_dir.is_solved(id) => &mut counts.solved,
                    true => &mut counts.unsolved,
                } += 1;
                return false;
            }
            true
        });
        let given_up = pending.iter().filter(|item| is_given_up(sweep, limits, **item)).count();
        let left = pending.iter().filter(|item| sweep.is_left(**item, limits)).count();
        (counts.infrastructure, counts.left) = (given_up, left);
        let is_open = |item: &&Item| !is_given_up(sweep, limits, **item) && !sweep.is_left(**item, limits);
        Ok(pending.iter().filter(is_open).count())
    }

    /// Returns why no process should be started any more, by what was spent and the time.
    pub fn over(&self) -> Option<String> {
        let (spent, budget) = (self.sweep.taken().all, &self.limits.budget);
        let is_spent = budget.cost.is_some_and(|most| spent.cost >= most)
            || budget.tokens.is_some_and(|most| spent.tokens >= most);
        // Processes stop before that, once what is left is not enough for one more request.
        let newly =
            |item: &Item| self.sweep.lacks_budget(*item).is_some_and(|came| self.lacking.get(item) != Some(&came));
        if is_spent || self.pending.iter().any(newly) {
            return Some("the budget is spent\nhint: run the same command with a larger budget to continue".to_owned());
        }
        let is_late = self.limits.deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline);
        is_late.then(|| "the time limit was reached\nhint: run the same command again to continue".to_owned())
    }

    /// Writes the views and returns what came of the episodes.
    ///
    /// # Errors
    /// When a view cannot be written.
    pub fn finish(mut self, stopped: Option<String>) -> anyhow::Result<Counts> {
        self.look()?;
        self.sweep.finish()?;
        Ok(Counts { stopped, ..self.counts })
    }
}

fn is_given_up(sweep: &Sweep, limits: &Limits, item: Item) -> bool {
    let failures = sweep.instance(item).map(|(cell, instance)| cell.cell_dir.failures(&instance.instance_id));
    failures.is_some_and(|failures| failures > limits.retries)
}
