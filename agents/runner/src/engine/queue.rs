//! The queue that the engine takes items from.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Work, WorkItem};

/// A source of items, which may depend on the outputs so far.
pub trait Queue<W: Work> {
    /// Identifies an item.
    type Key: Send + 'static;

    /// Returns the next item.
    ///
    /// # Errors
    /// When the whole run cannot continue.
    fn next(&mut self) -> anyhow::Result<Next<Self::Key, W::Input>>;

    /// Receives the result of an item: its output, or the message of a panic.
    ///
    /// # Errors
    /// When the whole run cannot continue.
    fn ended(&mut self, key: Self::Key, output: Result<W::Output, String>) -> anyhow::Result<After>;
}

/// What becomes of an item whose work has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is done.
    Done,
    /// It is retried, because something went wrong.
    Again,
    /// It has no result, for example because another process holds it.
    Nothing,
}

/// What is worked on next.
pub enum Next<K, T> {
    /// An item.
    Item(K, T),
    /// An item that needs no more work, because its result exists or is not needed.
    Skip(WorkItem),
    /// There is none now; ask again after this time, or when an item has ended.
    Wait(Duration),
    /// There is none, unless the end of another item adds one.
    Empty,
}

/// A list of items, whose outputs come back in the order of the list.
pub(super) struct All<W: Work, F> {
    /// Those that wait, each with its place in the list.
    waiting: VecDeque<(usize, W::Input)>,
    ended: Vec<(usize, W::Output)>,
    died: Vec<String>,
    told: F,
}

impl<W: Work, F> All<W, F> {
    /// Returns a list whose inputs are worked on in an order.
    pub(super) fn new(inputs: Vec<W::Input>, order: Vec<usize>, told: F) -> Self {
        let mut inputs: Vec<Option<W::Input>> = inputs.into_iter().map(Some).collect();
        let taken = order.into_iter().filter_map(|place| Some((place, inputs.get_mut(place)?.take()?)));
        Self { waiting: taken.collect(), ended: Vec::new(), died: Vec::new(), told }
    }

    /// Returns the outputs, and the words of those that died.
    pub(super) fn into_parts(mut self) -> (Vec<W::Output>, Vec<String>) {
        self.ended.sort_by_key(|(index, _)| *index);
        (self.ended.into_iter().map(|(_, output)| output).collect(), self.died)
    }
}

impl<W: Work, F: FnMut(&W::Output) -> anyhow::Result<()>> Queue<W> for All<W, F> {
    type Key = usize;

    fn next(&mut self) -> anyhow::Result<Next<usize, W::Input>> {
        Ok(self.waiting.pop_front().map_or(Next::Empty, |(place, input)| Next::Item(place, input)))
    }

    fn ended(&mut self, key: usize, output: Result<W::Output, String>) -> anyhow::Result<After> {
        match output {
            Ok(output) => {
                (self.told)(&output)?;
                self.ended.push((key, output));
            }
            Err(why) => self.died.push(why),
        }
        Ok(After::Done)
    }
}
