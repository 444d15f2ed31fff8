//! The engine that works on items: several at once, each bounded by permits, with events for what happens.

mod admission;
mod events;
mod item;
mod permits;
mod queue;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::FutureExt;
use images::NeededImage;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use events::{Event, Events, Listener};
pub use item::{Phase, Stage, WorkItem};
pub use permits::{Permits, PermitsConfig, wanted};
pub use queue::{After, Next, Queue};

use queue::All;

/// The target of the span in which an item is worked on; its field `id` is [`WorkItem::id`]. Enable it to have log
/// lines name their item; otherwise it costs nothing.
pub const ITEM_SPAN: &str = "item";

/// The ending of an item without a result because infrastructure failed.
pub const INFRASTRUCTURE: &str = "infrastructure";

/// One kind of work, such as solving or judging.
pub trait Work: Send + Sync + 'static {
    /// The input of one item.
    type Input: Send + 'static;
    /// The output of one item.
    type Output: Send + 'static;

    /// How an item may end, in words; the last is [`INFRASTRUCTURE`].
    fn endings(&self) -> &'static [&'static str];

    /// Returns the name of an item.
    fn item(&self, input: &Self::Input) -> WorkItem;

    /// Works on one item. A failure is part of the output.
    fn work(&self, input: Self::Input, worker: &Worker) -> impl Future<Output = Self::Output> + Send;

    /// Returns the image that an item pulls where it is missing.
    fn image(&self, input: &Self::Input) -> Option<NeededImage> {
        let _ = input;
        None
    }

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

/// The context of the work on one item.
#[derive(Clone)]
pub struct Worker {
    /// The item.
    pub item: WorkItem,
    /// The listeners.
    pub events: Events,
    /// The permits that bound it.
    pub permits: Permits,
    /// One for each item that may be in progress, not counting those that are being prepared or finished.
    slots: Arc<Semaphore>,
    /// Once cancelled, no more items are started.
    drain: CancellationToken,
}

/// The right of an item to be in progress, for as long as this value lives.
pub struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Worker {
    /// Returns the context of a single item.
    pub fn alone(item: WorkItem, events: Events, permits: Permits) -> Self {
        Self { item, events, permits, slots: Arc::new(Semaphore::new(1)), drain: CancellationToken::new() }
    }

    /// Sends a note about the item to the user.
    pub fn note(&self, text: &str) {
        self.events.note(Some(&self.item), text);
    }

    /// Reports that the work has entered its next phase.
    pub fn enter(&self, phase: Phase) {
        self.events.tell(&Event::Entered { item: &self.item, phase });
    }

    /// Waits until the item may be under way. Before, it may prepare what it needs; once it has dropped the seat,
    /// another item is under way in its place. `None` when no more is begun: the item is given up as if it had never
    /// been started.
    pub async fn slot(&self) -> Option<Slot> {
        // It is never closed.
        let permit = self.unless_drained(self.slots.clone().acquire_owned()).await?;
        Some(Slot { _permit: permit.ok() })
    }

    /// Waits for a future; `None` when the run is draining.
    pub async fn unless_drained<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => None,
            what = what => Some(what),
        }
    }
}

/// Works on items, a number of them at once.
#[derive(Clone)]
pub struct Engine {
    /// The listeners.
    pub events: Events,
    /// The permits that bound the work in addition to the number of workers.
    pub permits: Permits,
    /// How many items are in progress at once.
    pub workers: usize,
    /// How many more, for work that asks for a [`Worker::slot`], are prepared or finished meanwhile.
    pub spare: usize,
    /// Counts the tasks in progress, so that a run that is aborted can wait for them to end.
    pub tasks: TaskTracker,
    /// Once cancelled, no more items are started, and the run ends with those under way.
    pub drain: CancellationToken,
}

impl Engine {
    /// Works on every item and returns what came of each that was started, in their order.
    ///
    /// No more than `workers` are under way at any time, so that what waits costs no more than its input. `told` is
    /// given what came of each as it ends. When the returned future is dropped, the work under way is aborted.
    ///
    /// # Errors
    /// When `told` fails, or when the work on an item panicked, once all others have ended.
    pub async fn run<W: Work>(
        &self,
        work: &Arc<W>,
        inputs: Vec<W::Input>,
        told: impl FnMut(&W::Output) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<W::Output>> {
        let items = inputs.len();
        let order = self.plan(inputs.iter().map(|input| work.image(input)).collect()).await?;
        let mut all = All::new(inputs, order, told);
        self.serve(work, items, &mut all).await?;
        let (ended, died) = all.into_parts();
        if let Some(first) = died.first() {
            bail!("the work on {} of {items} items died: {first}", died.len());
        }
        Ok(ended)
    }

    /// Takes in which images the items that will be worked on pull, and returns the order in which these are best
    /// worked on: as they come, unless images have a budget.
    ///
    /// # Errors
    /// When the engine that holds the images does not answer.
    pub async fn plan(&self, images_of_items: Vec<Option<NeededImage>>) -> anyhow::Result<Vec<usize>> {
        let Some(images) = self.permits.images() else { return Ok((0..images_of_items.len()).collect()) };
        // What pulls nothing has nothing to wait for.
        let (mut order, mut places, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (place, image) in images_of_items.into_iter().enumerate() {
            match image {
                Some(image) => {
                    places.push(place);
                    wanted.push(image);
                }
                None => order.push(place),
            }
        }
        if !wanted.is_empty() {
            let planned = images.plan(&wanted).await?;
            order.extend(planned.into_iter().filter_map(|place| places.get(place).copied()));
        }
        Ok(order)
    }

    /// Works on what a queue gives, of which there are probably `items`, until it has no more and all has ended. What
    /// the queue is told in between may change what it gives next.
    ///
    /// # Errors
    /// When the queue fails; the work under way is aborted then, as it is when the returned future is dropped.
    pub async fn serve<W: Work>(&self, work: &Arc<W>, items: usize, queue: &mut impl Queue<W>) -> anyhow::Result<()> {
        let workers = self.workers.max(1);
        self.events.tell(&Event::Queued { items, workers, endings: work.endings() });
        let slots = Arc::new(Semaphore::new(workers.min(Semaphore::MAX_PERMITS)));
        let mut running = JoinSet::new();
        loop {
            let mut wait = None;
            while running.len() < workers + self.spare && !self.drain.is_cancelled() {
                match queue.next()? {
                    Next::Item(key, input) => {
                        running.spawn(self.tasks.track_future(self.start(work.clone(), &slots, key, input)));
                    }
                    Next::Skip(item) => self.events.tell(&Event::Skipped { item: &item }),
                    Next::Wait(time) => {
                        wait = Some(time);
                        break;
                    }
                    Next::Empty => break,
                }
            }
            if running.is_empty() && wait.is_none() {
                break;
            }
            tokio::select! {
                joined = running.join_next(), if !running.is_empty() => {
                    // One that was aborted was so with the whole command.
                    if let Some(Ok(done)) = joined {
                        self.ended(queue, done)?;
                    }
                }
                () = until(wait) => {}
                () = self.drain.cancelled(), if !self.drain.is_cancelled() => {}
            }
        }
        self.events.tell(&Event::Finished);
        Ok(())
    }

    /// Passes the output of an item to the queue, and its ending to the listeners, unless it is retried.
    fn ended<W: Work, Q: Queue<W>>(&self, queue: &mut Q, done: Done<Q::Key, W::Output>) -> anyhow::Result<()> {
        let Done { key, item, image, output, ending: Ending { word, was_kept, line }, took } = done;
        let took = (!was_kept).then_some(took);
        let after = queue.ended(key, output)?;
        // One that comes again needs its image again.
        if let (After::Done, Some(images), Some(image)) = (&after, self.permits.images(), image) {
            images.done(&image);
        }
        match after {
            After::Done => self.events.tell(&Event::Ended { item: &item, ending: word, took, line: &line }),
            After::Again => self.events.tell(&Event::Retried { item: &item, line: &line }),
            After::Nothing => self.events.tell(&Event::Released { item: &item }),
        }
        Ok(())
    }

    fn start<W: Work, K: Send + 'static>(
        &self,
        work: Arc<W>,
        slots: &Arc<Semaphore>,
        key: K,
        input: W::Input,
    ) -> impl Future<Output = Done<K, W::Output>> + Send + use<W, K> {
        let (events, permits, drain) = (self.events.clone(), self.permits.clone(), self.drain.clone());
        let image = work.image(&input).map(|image| image.name).filter(|_| permits.images().is_some());
        let worker = Worker { item: work.item(&input), events, permits, slots: slots.clone(), drain };
        let span = tracing::info_span!(target: ITEM_SPAN, "item", id = worker.item.id());
        let worked = async move {
            worker.events.tell(&Event::Started { item: &worker.item });
            let begun = Instant::now();
            // The others cost too much to be lost with one that panics.
            let output = AssertUnwindSafe(work.work(input, &worker)).catch_unwind().await;
            let output = output.map_err(|panic| reason(panic.as_ref()));
            let ending = match &output {
                Ok(output) => work.ending(output),
                Err(why) => {
                    let line = format!("{}: the work died: {why}", worker.item.instance_id);
                    Ending { word: INFRASTRUCTURE, was_kept: false, line }
                }
            };
            Done { key, item: worker.item, image, output, ending, took: begun.elapsed() }
        };
        worked.instrument(span)
    }
}

/// What came of an item.
struct Done<K, T> {
    key: K,
    item: WorkItem,
    /// The image that it needed, where images have a budget.
    image: Option<String>,
    output: Result<T, String>,
    ending: Ending,
    took: Duration,
}

/// Waits this long, or forever.
async fn until(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// Returns what a panic says.
fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests;
