//! What is known of the work on items while it goes on.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use agent_core::Record;
use runner::engine::{Event, Phase, WorkItem};

use super::figures::{Figures, Slow};

/// The period over which speeds are measured.
const LATELY: Duration = Duration::from_secs(60);
/// How many of the slowest items are listed.
const SLOWEST: usize = 3;

/// What is known of the work on items.
pub(crate) struct Board {
    begun: Instant,
    total: usize,
    workers: usize,
    /// Names of the endings with how often each was met.
    counts: Vec<(String, usize)>,
    /// Instances of which an earlier process had the result.
    kept: usize,
    /// How often infrastructure broke for one that is worked on again.
    retried: usize,
    /// Time spent on all the others that are done.
    spent: Duration,
    /// The cells of a run that has several, with how many of their items have no result yet.
    cells: Vec<(String, usize)>,
    under_way: HashMap<WorkItem, UnderWay>,
    steps: u64,
    tokens: u64,
    /// What answers of a known price cost; `None` before there is one.
    cost: Option<f64>,
    unpriced: u64,
    /// Tokens and steps at earlier looks.
    earlier: VecDeque<(Instant, u64, u64)>,
}

/// An item under way.
struct UnderWay {
    begun: Instant,
    phase: Option<Phase>,
    step: u64,
}

impl Board {
    /// Returns what is known before anything is.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            begun: now,
            total: 0,
            workers: 1,
            counts: Vec::new(),
            kept: 0,
            retried: 0,
            spent: Duration::ZERO,
            cells: Vec::new(),
            under_way: HashMap::new(),
            steps: 0,
            tokens: 0,
            cost: None,
            unpriced: 0,
            earlier: VecDeque::new(),
        }
    }

    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Planned { cells } => self.cells = cells.to_vec(),
            Event::Queued { items, workers, endings } => {
                (self.begun, self.total, self.workers) = (now, *items, *workers);
                self.counts = endings.iter().map(|ending| ((*ending).to_owned(), 0)).collect();
            }
            Event::Started { item } => {
                self.under_way.insert((*item).clone(), UnderWay { begun: now, phase: None, step: 0 });
            }
            Event::Entered { item, phase } => {
                if let Some(under_way) = self.under_way.get_mut(*item) {
                    under_way.phase = Some(*phase);
                }
            }
            Event::Recorded { item, record } => self.recorded(item, record),
            Event::Retried { item, .. } => {
                self.under_way.remove(*item);
                self.retried += 1;
            }
            Event::Released { item } => {
                self.under_way.remove(*item);
            }
            Event::Ended { item, ending, took, .. } => {
                self.under_way.remove(*item);
                self.count(ending, *took);
                self.leave_cell(item);
            }
            Event::Skipped { item } => {
                self.total = self.total.saturating_sub(1);
                self.leave_cell(item);
            }
            Event::Unanswered { .. } | Event::Noted { .. } | Event::Finished => {}
        }
    }

    fn recorded(&mut self, item: &WorkItem, record: &Record) {
        let Record::Completion { step, completion, restored, .. } = record else { return };
        if let Some(under_way) = self.under_way.get_mut(item) {
            under_way.step = *step;
        }
        // An earlier process asked for those, and paid them.
        if *restored {
            return;
        }
        self.steps += 1;
        self.tokens += completion.usage.total();
        match completion.cost {
            Some(cost) => *self.cost.get_or_insert_default() += cost,
            None => self.unpriced += 1,
        }
    }

    fn leave_cell(&mut self, item: &WorkItem) {
        if let Some((_, waiting)) = self.cells.iter_mut().find(|(name, _)| *name == item.cell) {
            *waiting = waiting.saturating_sub(1);
        }
    }

    fn count(&mut self, ending: &str, took: Option<Duration>) {
        match self.counts.iter_mut().find(|(name, _)| *name == ending) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((ending.to_owned(), 1)),
        }
        match took {
            Some(took) => self.spent += took,
            None => self.kept += 1,
        }
    }

    /// Returns how many are done.
    pub(crate) fn done(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Returns how many there are.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Returns of how many an earlier process had the result.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Returns how long the rest will take if it is like what was really run; `None` before any was.
    fn left(&self) -> Option<Duration> {
        let run = u32::try_from(self.done().checked_sub(self.kept)?).ok().filter(|run| *run > 0)?;
        let rest = self.total.checked_sub(self.done())?;
        let rounds = rest.div_ceil(self.workers.max(1));
        Some(self.spent / run * u32::try_from(rounds).ok()?)
    }

    /// Returns the current figures.
    pub(crate) fn figures(&mut self, now: Instant) -> Figures {
        let (tokens_per_second, steps_per_second) = self.speed(now);
        Figures {
            done: self.done(),
            total: self.total,
            counts: self.counts.clone(),
            retried: self.retried,
            cells: (self.cells.iter().filter(|(_, waiting)| *waiting == 0).count(), self.cells.len()),
            under_way: self.under_way.len(),
            elapsed: now.saturating_duration_since(self.begun),
            left: self.left(),
            steps: self.steps,
            steps_per_second,
            tokens: self.tokens,
            tokens_per_second,
            cost: self.cost,
            unpriced: self.unpriced,
            slowest: self.slowest(now),
        }
    }

    /// Returns tokens and steps a second, lately.
    fn speed(&mut self, now: Instant) -> (f64, f64) {
        while self.earlier.len() > 1
            && self.earlier.front().is_some_and(|(then, ..)| now.saturating_duration_since(*then) > LATELY)
        {
            self.earlier.pop_front();
        }
        let (then, tokens, steps) = self.earlier.front().copied().unwrap_or((self.begun, 0, 0));
        self.earlier.push_back((now, self.tokens, self.steps));
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        let speed = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        (speed(self.tokens - tokens), speed(self.steps - steps))
    }

    /// Returns those that have been under way for longest.
    fn slowest(&self, now: Instant) -> Vec<Slow> {
        let mut oldest: Vec<(&WorkItem, &UnderWay)> = Vec::with_capacity(SLOWEST + 1);
        for one in self.under_way.iter().filter(|(_, under_way)| under_way.phase.is_some()) {
            let place = oldest.partition_point(|(_, other)| other.begun <= one.1.begun);
            if place < SLOWEST {
                oldest.insert(place, one);
                oldest.truncate(SLOWEST);
            }
        }
        let slow = |(item, UnderWay { begun, phase, step }): (&WorkItem, &UnderWay)| Slow {
            item: item.id(),
            phase: *phase,
            step: *step,
            age: now.saturating_duration_since(*begun),
        };
        oldest.into_iter().map(slow).collect()
    }
}
