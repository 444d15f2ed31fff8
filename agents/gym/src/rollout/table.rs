//! The rollouts of a server, so that whoever lost an answer can ask for it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use runner::stages::Cell;
use tokio::sync::watch;

use crate::Reward;
use crate::refusal::Refusal;

/// How many cells are held open; a trainer has one for each setting of its model.
const CELLS: usize = 64;

/// The rollouts of a server, and the cells that they are in.
#[derive(Default)]
pub(crate) struct Rollouts {
    rollouts: Mutex<HashMap<String, Rollout>>,
    cells: Mutex<Vec<(String, Arc<Cell>)>>,
}

/// What came of a rollout. The rest of it is in its folder.
#[derive(Clone)]
pub(crate) struct Rolled {
    /// The cell of its sample.
    pub(crate) cell: Arc<Cell>,
    pub(crate) instance_id: String,
    pub(crate) reward: Reward,
}

pub(crate) type Coming = watch::Receiver<Option<Rolled>>;

struct Rollout {
    /// What tells its settings from others.
    key: String,
    coming: Coming,
    since: Instant,
}

impl Rollouts {
    /// Returns a rollout that is under way or has ended lately, or puts in another one, which `begin` makes.
    ///
    /// # Errors
    /// When it has other settings, or `begin` fails.
    pub(crate) fn find_or(
        &self,
        id: &str,
        key: &str,
        begin: impl FnOnce() -> Result<Coming, Refusal>,
    ) -> Result<Coming, Refusal> {
        let mut rollouts = self.rollouts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rollout) = rollouts.get_mut(id) {
            if rollout.key != key {
                let why = format!("`{id}` was begun with other settings\nhint: another `rollout_id`");
                return Err(Refusal::new(StatusCode::CONFLICT, why));
            }
            rollout.since = Instant::now();
            return Ok(rollout.coming.clone());
        }
        let coming = begin()?;
        let rollout = Rollout { key: key.to_owned(), coming: coming.clone(), since: Instant::now() };
        rollouts.insert(id.to_owned(), rollout);
        Ok(coming)
    }

    /// Forgets this run of a rollout: who asks for it next has it tried again. One that was begun in its place stays.
    pub(crate) fn forget(&self, id: &str, coming: &Coming) {
        let mut rollouts = self.rollouts.lock().unwrap_or_else(PoisonError::into_inner);
        if rollouts.get(id).is_some_and(|rollout| rollout.coming.same_channel(coming)) {
            rollouts.remove(id);
        }
    }

    /// Forgets those that have ended and were not asked for since so long; what came of them stays in their folders.
    pub(crate) fn forget_old(&self, idle: Duration) {
        let is_wanted = |rollout: &Rollout| rollout.coming.borrow().is_none() || rollout.since.elapsed() <= idle;
        self.rollouts.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, rollout| is_wanted(rollout));
    }

    /// Returns the cell of some settings, or the one that `open` opens.
    ///
    /// # Errors
    /// When `open` fails.
    pub(crate) fn cell<E>(&self, key: &str, open: impl FnOnce() -> Result<Cell, E>) -> Result<Arc<Cell>, E> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = cells.iter().find(|(of, _)| of == key) {
            return Ok(cell.clone());
        }
        let cell = Arc::new(open()?);
        if cells.len() >= CELLS {
            cells.remove(0);
        }
        cells.push((key.to_owned(), cell.clone()));
        Ok(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_for_one_that_failed_does_not_forget_the_next() {
        let rollouts = Rollouts::default();
        let (_ended, failed) = watch::channel(None);
        let first = rollouts.find_or("a", "", || Ok(failed)).unwrap();
        let second_waiter = rollouts.find_or("a", "", || unreachable!()).unwrap();
        rollouts.forget("a", &first);
        let (_runs, again) = watch::channel(None);
        let again = rollouts.find_or("a", "", || Ok(again)).unwrap();
        rollouts.forget("a", &second_waiter);
        let found = rollouts.find_or("a", "", || unreachable!("it was begun a third time")).unwrap();
        assert!(found.same_channel(&again));
    }
}
