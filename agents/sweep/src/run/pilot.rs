//! Work on a sweep beside other processes, which share nothing but the folder of the run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use agent_core::ExitStatus;
use env_core::Instance;
use journal::Lease;
use runner::engine::{After, Engine, Event, Next, Queue, Work};
use runner::stages::{Attempt, Attempted, Cell, Solved, Solving};
use tokio_util::sync::CancellationToken;

use super::queue::{Item, by_cell};
use super::{Counts, DRAIN, Limits, Sweep};

/// How long it takes until it is looked again whether another process is done with an episode.
const HELD: Duration = Duration::from_secs(2);
/// The longest pause before something is retried.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// The most that is left of a time limit for what is under way to be stopped.
const MARGIN: Duration = Duration::from_secs(30);

/// Where in the list of episodes a process starts, and until when it works.
#[derive(Debug, Clone, Copy)]
pub struct PilotOptions {
    /// Its number among the processes that work on the sweep, which start at places far from each other.
    pub index: u64,
    /// When it must have stopped.
    pub ends: Option<Instant>,
    /// How long before that it begins to stop.
    pub margin: Duration,
}

impl PilotOptions {
    /// Returns the options of a process that may work for this long from now on.
    pub fn new(index: u64, time: Option<Duration>) -> Self {
        let margin = time.map_or(Duration::ZERO, |time| (time / 10).min(MARGIN));
        Self { index, ends: time.and_then(|time| Instant::now().checked_add(time)), margin }
    }

    /// Returns when what is under way has to be stopped.
    pub fn stops(&self) -> Option<Instant> {
        Some(self.ends?.checked_sub(self.margin).unwrap_or_else(Instant::now))
    }

    /// Returns where among so many the process begins: those of neighbouring indexes are far apart, however many there
    /// are.
    fn place(&self, items: usize) -> usize {
        let turn = self.index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from((u128::from(turn) * items as u128) >> 64).unwrap_or_default()
    }
}

impl Sweep {
    /// Works on what has no result yet beside other processes, until all has one or has failed for good, or there is no
    /// time left. What others hold is waited for, and taken over when they have died.
    ///
    /// # Errors
    /// When the journal or a view cannot be written.
    pub async fn work(&self, engine: &Engine, options: &PilotOptions) -> anyhow::Result<Counts> {
        let limits = self.limits(engine.workers);
        let all = self.all();
        let planned = all.len();
        let mut pending: Vec<Item> = all.into_iter().filter(|item| !self.is_done(*item)).collect();
        let items = pending.len();
        engine.events.tell(&Event::Planned { cells: &by_cell(&self.cells, &pending) });
        pending.rotate_left(options.place(items));
        let pending = self.by_images(pending, engine).await?;
        let mut pilot = Pilot::new(self, &limits, *options, pending, engine);
        let solving = Arc::new(Solving);
        let served = tokio::select! {
            served = engine.serve(&solving, items, &mut pilot) => served,
            never = self.heed_drain(&engine.drain) => match never {},
        };
        if let Err(err) = self.gateways.budget().sync().await {
            tracing::warn!("the spending could not be shared with other processes: {err}");
        }
        served?;
        let mut counts = pilot.counts;
        counts.kept = planned - items;
        let views = self.journal.run().join("leases").join("sweep.views");
        // Of several that see the end, one writes them.
        if counts.stopped.is_none()
            && !engine.drain.is_cancelled()
            && let Some(_lease) = Lease::take(&views)?
        {
            self.journal.refresh()?;
            self.summarize()?;
        }
        Ok(counts)
    }

    /// Finishes with what is under way once the command that began the sweep says so in its folder: unlike a signal,
    /// that reaches every machine, whatever has started the process there.
    async fn heed_drain(&self, drain: &CancellationToken) -> Infallible {
        let path = self.journal.run().join(DRAIN);
        loop {
            if !drain.is_cancelled() && tokio::fs::try_exists(&path).await.unwrap_or(false) {
                tracing::warn!("the command that started the sweep is stopping it: episodes in flight are finished");
                drain.cancel();
            }
            tokio::time::sleep(HELD).await;
        }
    }

    /// Has episodes tried again that infrastructure broke in earlier commands.
    pub(super) fn retry_given_up(&self) -> anyhow::Result<()> {
        for item in self.all() {
            let Some((cell, instance)) = self.instance(item) else { continue };
            if cell.cell_dir.failures(&instance.instance_id) > 0 && !cell.is_done(instance) {
                cell.cell_dir.retry(&instance.instance_id)?;
            }
        }
        Ok(())
    }

    /// Returns whether enough samples have solved the instance of an episode, by the journal.
    pub(super) fn is_left(&self, item: Item, limits: &Limits) -> bool {
        let Some(enough) = limits.solved else { return false };
        let Some((_, instance)) = self.instance(item) else { return false };
        let samples = self.cells.get(item.cell as usize).map(|cell| cell.samples.as_slice()).unwrap_or_default();
        let solved = samples.iter().filter(|cell| cell.cell_dir.is_solved(&instance.instance_id)).count();
        solved >= enough as usize
    }
}

/// The episodes of a sweep as one of several processes takes them.
struct Pilot<'a> {
    sweep: &'a Sweep,
    limits: &'a Limits,
    options: PilotOptions,
    pending: VecDeque<Item>,
    /// What is looked at again, and when.
    later: BinaryHeap<Reverse<(Instant, Item)>>,
    /// How often infrastructure broke for an episode in this process: not all of that is in the journal.
    failures: HashMap<Item, u32>,
    begun: HashMap<Item, Instant>,
    /// How many episodes ended, and how long they took.
    took: (u32, Duration),
    /// The episodes that infrastructure broke for since one last ended otherwise.
    in_a_row: HashSet<Item>,
    engine: &'a Engine,
    counts: Counts,
}

/// What becomes of an episode now.
enum Look {
    Begin(Attempt),
    Later(Instant),
    Over,
}

impl<'a> Pilot<'a> {
    fn new(
        sweep: &'a Sweep,
        limits: &'a Limits,
        options: PilotOptions,
        pending: Vec<Item>,
        engine: &'a Engine,
    ) -> Self {
        Self {
            sweep,
            limits,
            options,
            pending: pending.into(),
            later: BinaryHeap::new(),
            failures: HashMap::new(),
            begun: HashMap::new(),
            took: (0, Duration::ZERO),
            in_a_row: HashSet::new(),
            engine,
            counts: Counts::default(),
        }
    }

    fn stop(&mut self, why: String) {
        self.engine.drain.cancel();
        self.counts.stopped.get_or_insert(why);
    }

    /// Returns why no more is begun; an episode is begun only where there is time for one as long as those so far.
    fn over(&self, now: Instant) -> Option<String> {
        if self.limits.deadline.is_some_and(|deadline| now >= deadline) {
            return Some("the time limit was reached\nhint: run the same command again to continue".to_owned());
        }
        let usual = self.took.1.checked_div(self.took.0).unwrap_or_default();
        let stops = self.options.stops()?;
        (stops.saturating_duration_since(now) <= usual)
            .then(|| "no time is left for another episode\nhint: run the same command again to continue".to_owned())
    }

    fn due(&mut self, now: Instant) -> Option<Item> {
        if self.later.peek().is_some_and(|Reverse((due, _))| *due <= now) {
            return self.later.pop().map(|Reverse((_, item))| item);
        }
        self.pending.pop_front()
    }

    /// Looks at an episode by the journal and its lease.
    fn look(&mut self, item: Item, now: Instant) -> anyhow::Result<Look> {
        let sweep = self.sweep;
        let Some((cell, instance)) = sweep.instance(item) else { return Ok(Look::Over) };
        let id = instance.instance_id.as_str();
        // In this order: whoever released it before has said in the journal what came of it.
        let is_held = cell.cell_dir.is_held(id);
        sweep.journal.refresh()?;
        let failures = self.failures.get(&item).copied().unwrap_or_default().max(cell.cell_dir.failures(id));
        Ok(if !cell.cell_dir.is_asked(id) {
            Look::Over
        } else if cell.is_done(instance) {
            self.counts.elsewhere += 1;
            Look::Over
        } else if sweep.is_left(item, self.limits) {
            self.counts.left += 1;
            Look::Over
        } else if failures > self.limits.retries {
            self.counts.infrastructure += 1;
            Look::Over
        } else if is_held {
            Look::Later(now + HELD)
        } else {
            match self.pause(cell, instance, failures) {
                Duration::ZERO => Look::Begin(Attempt { cell: cell.clone(), index: item.index }),
                pause => Look::Later(now + pause),
            }
        })
    }

    /// Returns how long it takes until an episode that failed this often is retried by any process.
    fn pause(&self, cell: &Cell, instance: &Instance, failures: u32) -> Duration {
        let Some(doubled) = failures.checked_sub(1) else { return Duration::ZERO };
        let wait = self.limits.wait.saturating_mul(1 << doubled.min(16)).min(LONGEST_WAIT);
        let Some(came) = cell.cell_dir.came(&instance.instance_id) else { return Duration::ZERO };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        // Clocks of machines differ: none has anyone wait for longer than that.
        wait.saturating_sub(Duration::try_from_secs_f64((now - came).max(0.0)).unwrap_or(wait))
    }

    fn failed(&mut self, item: Item, why: &str) -> After {
        self.in_a_row.insert(item);
        *self.failures.entry(item).or_default() += 1;
        self.later.push(Reverse((Instant::now(), item)));
        let count = self.in_a_row.len();
        if count >= self.limits.in_a_row {
            self.stop(format!(
                "infrastructure failed for {count} episodes in a row, most recently: {why}\n\
                 hint: fix that and run the same command again to continue"
            ));
        }
        After::Again
    }

    fn solved(&mut self, item: Item, attempt: &Attempt, solved: &Solved) -> After {
        if matches!(solved.outcome.exit_status, ExitStatus::BudgetSpent(_)) {
            self.stop("the budget is spent\nhint: run the same command with a larger budget to continue".to_owned());
            return After::Nothing;
        }
        if solved.failed() {
            let why = format!("{:?}", solved.outcome.exit_status);
            return self.failed(item, &why);
        }
        self.in_a_row.clear();
        match &solved.verdict {
            Some(verdict) if verdict.report.resolved => self.counts.solved += 1,
            None if !attempt.cell.resolved.config.evaluate => self.counts.not_judged += 1,
            _ => self.counts.unsolved += 1,
        }
        After::Done
    }
}

impl Queue<Solving> for Pilot<'_> {
    type Key = Item;

    fn next(&mut self) -> anyhow::Result<Next<Item, Attempt>> {
        let now = Instant::now();
        // Where nothing is left to begin, what is under way comes to its end.
        let is_left = !(self.pending.is_empty() && self.later.is_empty());
        if let Some(why) = self.over(now).filter(|_| is_left) {
            self.stop(why);
            return Ok(Next::Empty);
        }
        while let Some(item) = self.due(now) {
            match self.look(item, now)? {
                Look::Begin(attempt) => {
                    self.begun.insert(item, now);
                    return Ok(Next::Item(item, attempt));
                }
                Look::Later(due) => self.later.push(Reverse((due, item))),
                Look::Over => {
                    if let Some((cell, instance)) = self.sweep.instance(item) {
                        self.engine.permits.pass_over(cell.environment.as_ref(), instance);
                        let attempt = Attempt { cell: cell.clone(), index: item.index };
                        return Ok(Next::Skip(Solving.item(&attempt)));
                    }
                }
            }
        }
        Ok(self.later.peek().map_or(Next::Empty, |Reverse((due, _))| Next::Wait(due.saturating_duration_since(now))))
    }

    fn ended(&mut self, item: Item, output: Result<(Attempt, Attempted), String>) -> anyhow::Result<After> {
        let begun = self.begun.remove(&item);
        Ok(match output {
            Ok((attempt, Attempted::Solved(solved))) => {
                self.took.0 += 1;
                self.took.1 += begun.map(|begun| begun.elapsed()).unwrap_or_default();
                self.solved(item, &attempt, &solved)
            }
            Ok((_, Attempted::Failed(why))) | Err(why) => self.failed(item, &why),
            Ok((_, Attempted::Held)) => {
                self.later.push(Reverse((Instant::now() + HELD, item)));
                After::Nothing
            }
            Ok((_, Attempted::GivenUp)) => After::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_begin_far_from_each_other() {
        let places: Vec<usize> = (0..8).map(|index| PilotOptions::new(index, None).place(1000)).collect();
        for (number, one) in places.iter().enumerate() {
            for other in &places[number + 1..] {
                assert!(one.abs_diff(*other) >= 60, "{places:?}");
            }
        }
        assert_eq!(PilotOptions::new(3, None).place(0), 0);
        assert_eq!(PilotOptions::new(0, None).place(10), 0);
        assert!(PilotOptions::new(u64::MAX, None).place(10) < 10);
    }

    #[test]
    fn a_shift_ends_before_its_time_is_over() {
        let options = PilotOptions::new(0, Some(Duration::from_secs(100)));
        assert_eq!(options.margin, Duration::from_secs(10));
        assert_eq!(options.stops().zip(options.ends).map(|(stops, ends)| ends - stops), Some(options.margin));
        assert_eq!(PilotOptions::new(0, Some(Duration::from_secs(7200))).margin, MARGIN);
        assert!(PilotOptions::new(0, None).stops().is_none());
    }
}
