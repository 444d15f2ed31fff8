//! The one engine that works on items: several at once, each bounded by permits, with events as things happen.

mod events;
mod item;
mod permits;

use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use events::{Event, Events, Listener};
pub use item::{Stage, WorkItem};
pub use permits::{Permits, PermitsConfig};

/// The ending of an item that infrastructure kept from a result.
pub const INFRASTRUCTURE: &str = "infrastructure";

/// One kind of work, such as solving or judging.
pub trait Work: Send + Sync + 'static {
    /// What one item takes.
    type Input: Send + 'static;
    /// What comes of one item.
    type Output: Send + 'static;

    /// How an item may end, in words; the last is [`INFRASTRUCTURE`].
    fn endings(&self) -> &'static [&'static str];

    /// Returns the name of an item.
    fn item(&self, input: &Self::Input) -> WorkItem;

    /// Works on one item. What goes wrong with it is part of what comes of it.
    fn work(&self, input: Self::Input, worker: &Worker) -> impl Future<Output = Self::Output> + Send;

    /// Returns how an item ended.
    fn ending(&self, output: &Self::Output) -> Ending;
}

/// How an item ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// One of the words of [`Work::endings`].
    pub word: &'static str,
    /// Whether an earlier process had reached the result.
    pub was_kept: bool,
    /// What came of it, in one line.
    pub line: String,
}

/// What works on one item.
#[derive(Clone)]
pub struct Worker {
    /// The item.
    pub item: WorkItem,
    /// Who is told what happens.
    pub events: Events,
    /// What bounds it.
    pub permits: Permits,
}

impl Worker {
    /// Tells a person something about the item.
    pub fn note(&self, text: &str) {
        self.events.note(Some(&self.item), text);
    }
}

/// Works on items, so many at once.
#[derive(Clone)]
pub struct Engine {
    /// Who is told what happens.
    pub events: Events,
    /// What bounds the work beside the number of workers.
    pub permits: Permits,
    /// How many items are worked on at once.
    pub workers: usize,
    /// Where the work under way is counted: whoever aborts a run waits for it to let go.
    pub tasks: TaskTracker,
    /// Once cancelled, no more items are started, and the run ends with those under way.
    pub drain: CancellationToken,
}

impl Engine {
    /// Works on every item and returns what came of each that was started, in their order.
    ///
    /// No more than `workers` are under way at any time, so that what waits costs no more than its input. `told` is given
    /// what came of each as it ends. When the returned future is dropped, the work under way is aborted.
    ///
    /// # Errors
    /// When `told` fails, or when the work on an item panicked, once all others have ended.
    pub async fn run<W: Work>(
        &self,
        work: &Arc<W>,
        inputs: Vec<W::Input>,
        mut told: impl FnMut(&W::Output) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<W::Output>> {
        let (items, workers) = (inputs.len(), self.workers.max(1));
        self.events.tell(&Event::Queued { items, workers, endings: work.endings() });
        let mut waiting = inputs.into_iter().enumerate();
        let (mut running, mut ended, mut died) = (JoinSet::new(), Vec::new(), Vec::new());
        loop {
            while running.len() < workers
                && !self.drain.is_cancelled()
                && let Some((index, input)) = waiting.next()
            {
                running.spawn(self.tasks.track_future(self.start(work.clone(), index, input)));
            }
            let Some(joined) = running.join_next().await else { break };
            match joined {
                Ok((index, output)) => {
                    told(&output)?;
                    ended.push((index, output));
                }
                // The others cost too much to be lost with it.
                Err(err) => died.push(err.to_string()),
            }
        }
        self.events.tell(&Event::Finished);
        if let Some(first) = died.first() {
            bail!("the work on {} of {items} items died: {first}", died.len());
        }
        ended.sort_by_key(|(index, _)| *index);
        Ok(ended.into_iter().map(|(_, output)| output).collect())
    }

    fn start<W: Work>(
        &self,
        work: Arc<W>,
        index: usize,
        input: W::Input,
    ) -> impl Future<Output = (usize, W::Output)> + Send + use<W> {
        let (events, permits) = (self.events.clone(), self.permits.clone());
        let worker = Worker { item: work.item(&input), events, permits };
        async move {
            worker.events.tell(&Event::Started { item: &worker.item });
            let begun = Instant::now();
            let output = work.work(input, &worker).await;
            let Ending { word, was_kept, line } = work.ending(&output);
            let took = (!was_kept).then(|| begun.elapsed());
            worker.events.tell(&Event::Ended { item: &worker.item, ending: word, took, line: &line });
            (index, output)
        }
    }
}

#[cfg(test)]
mod tests;
