//! Whose turn it is among the parts of one process, which need not ask the file system for that.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The cells whose own files are being changed by a part of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    cells: Mutex<BTreeSet<String>>,
    freed: Condvar,
}

impl Taken {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    /// Waits until a cell is free in this process and takes it.
    pub(crate) fn wait(&self, cell: &str) -> Turn {
        let mut cells = self.0.lock();
        while !cells.insert(cell.to_owned()) {
            cells = self.0.freed.wait(cells).unwrap_or_else(PoisonError::into_inner);
        }
        Turn { taken: self.0.clone(), cell: cell.to_owned() }
    }
}

/// The right to change the own files of a cell, among the parts of this process, as long as this value lives.
#[derive(Debug)]
pub(crate) struct Turn {
    taken: Arc<Taken>,
    cell: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.taken.lock().remove(&self.cell);
        self.taken.freed.notify_all();
    }
}
