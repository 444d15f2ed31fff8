//! Episodes that go on from the same step.

use std::sync::Arc;

use env_core::Instance;

use crate::engine::{Ending, INFRASTRUCTURE, Work, WorkItem, Worker};
use crate::stages::{Cell, Solved};

/// The work on episodes that go on from the same step, each a sample with settings of its own.
pub struct Siblings;

/// One of them.
pub struct Sibling {
    /// The cell of its sample.
    pub cell: Arc<Cell>,
    /// The instance.
    pub instance: Instance,
}

impl Work for Siblings {
    type Input = Sibling;
    type Output = (Arc<Cell>, (Instance, Result<Solved, String>));

    fn endings(&self) -> &'static [&'static str] {
        &["solved", "unsolved", INFRASTRUCTURE]
    }

    fn item(&self, sibling: &Sibling) -> WorkItem {
        sibling.cell.item(&sibling.instance)
    }

    async fn work(&self, Sibling { cell, instance }: Sibling, worker: &Worker) -> Self::Output {
        let solved = cell.work(instance, worker).await;
        (cell, solved)
    }

    fn ending(&self, (cell, solved): &Self::Output) -> Ending {
        cell.ending(solved)
    }
}
