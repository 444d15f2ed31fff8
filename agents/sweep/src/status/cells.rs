//! The progress of the cells of a run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use journal::{Ending, Episode, InFlight, Run};
use serde::Serialize;

use super::broken::{Broken, Kinds};
use super::live::{Live, Progress};
use super::spent::Spent;
use crate::file::Retries;
use crate::run::SWEEP;

/// Over how many seconds back the speed of a run is measured.
const WINDOW: f64 = 3600.0;

/// The lease of the process that is at a sweep.
const SWEEP_LEASE: &str = "sweep.run";

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The run.
    pub run: String,
    /// When this was, in seconds since 1970.
    pub at: f64,
    /// Whether a process is at the sweep: it has not ended, also where it only waits before it tries again.
    pub is_swept: bool,
    /// The cells, by name.
    pub cells: Vec<CellStatus>,
    /// Episodes done an hour, over the last hour of the run, or since it began.
    pub per_hour: Option<f64>,
    /// Seconds until the rest is done at that speed; `None` where no one works on it.
    pub seconds_left: Option<f64>,
    /// What was spent so far.
    pub spent: Spent,
    /// Who works on the run.
    pub workers: Vec<Worker>,
    /// The episodes in flight, the longest first.
    pub in_flight: Vec<EpisodeInFlight>,
    /// Infrastructure failures, by kind, the latest first.
    pub infrastructure: Vec<Broken>,
}

/// The progress of a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CellStatus {
    /// The cell.
    pub cell: String,
    /// Episodes that were asked for.
    pub planned: usize,
    /// Of these, done: solved, unsolved, infrastructure, and those that ended where none is judged.
    pub done: usize,
    /// Solved.
    pub solved: usize,
    /// Judged and not solved.
    pub unsolved: usize,
    /// Kept from a result by infrastructure, and given up.
    pub infrastructure: usize,
    /// Kept from a result by infrastructure so far: the process that is at the sweep tries them again. They are not
    /// done.
    pub to_retry: usize,
    /// Ended and not judged.
    pub unjudged: usize,
    /// Being worked on.
    pub in_flight: usize,
}

/// A process that works on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its machine.
    pub machine: String,
    /// Its id.
    pub process: u32,
    /// Episodes in flight by it.
    pub in_flight: usize,
}

/// An episode in flight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpisodeInFlight {
    /// The cell.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// The sample.
    pub sample: u32,
    /// `solve` or `judge`.
    pub stage: &'static str,
    /// For how many seconds; `None` where that is not known.
    pub seconds: Option<f64>,
    /// What it has taken so far; `None` where that is not known.
    pub progress: Option<Progress>,
    /// Name of the machine.
    pub machine: String,
    /// Id of the process.
    pub process: u32,
}

impl Status {
    /// Looks at a run at a time, in seconds since 1970.
    pub fn read(run: &Run, name: &str, live: &mut Live, now: f64) -> Self {
        let mut status = Self {
            run: name.to_owned(),
            at: now,
            is_swept: run.is_held(SWEEP_LEASE),
            cells: Vec::new(),
            per_hour: None,
            seconds_left: None,
            spent: Spent::default(),
            workers: Vec::new(),
            in_flight: Vec::new(),
            infrastructure: Vec::new(),
        };
        let retries = status.is_swept.then(|| retries(run));
        let (mut kinds, mut times, mut paths) = (Kinds::default(), Vec::new(), HashSet::new());
        live.begin();
        for cell in run.cells() {
            let mut look =
                Look { live: &mut *live, kinds: &mut kinds, times: &mut times, paths: &mut paths, retries, now };
            status.add_cell(run, &cell, &mut look);
        }
        live.keep(|path| paths.contains(path));
        let seconds = |flight: &EpisodeInFlight| flight.seconds.unwrap_or(-1.0);
        status.in_flight.sort_by(|one, other| seconds(other).total_cmp(&seconds(one)));
        status.workers = workers(&status.in_flight);
        status.infrastructure = kinds.told();
        status.estimate(run, &times);
        status
    }

    fn add_cell(&mut self, run: &Run, cell: &str, look: &mut Look<'_>) {
        let asked: HashSet<(String, u32)> = run.asked(cell).into_iter().collect();
        let in_flight = run.in_flight(cell);
        let mut held: HashMap<(String, u32), InFlight> =
            in_flight.into_iter().map(|one| ((one.instance_id.clone(), one.sample), one)).collect();
        let mut counts =
            CellStatus { cell: cell.to_owned(), planned: asked.len(), in_flight: held.len(), ..CellStatus::default() };
        let is_judged = is_judged(run, cell);
        run.each_episode(cell, |episode| {
            let key = (episode.instance_id.clone(), episode.sample);
            let flight = held.remove(&key);
            if episode.ended.is_some() {
                self.spent.add_ended(episode.ended.as_ref().and_then(|ended| ended.spending.as_ref()));
            }
            if let Some(holder) = flight {
                self.add_flight(&episode, holder, look);
            }
            if asked.contains(&key) {
                let before = counts.done;
                counts.add(&episode, is_judged, look.retries);
                look.times.extend(episode.came.filter(|_| counts.done > before));
                if episode.ending() == Ending::Infrastructure {
                    look.kinds.add(episode);
                }
            }
        });
        // One of which nothing is written yet.
        self.in_flight
            .extend(held.into_values().map(|holder| EpisodeInFlight::new(holder, "solve", None, look.now, None)));
        self.cells.push(counts);
    }

    fn add_flight(&mut self, episode: &Episode, holder: InFlight, look: &mut Look<'_>) {
        let is_solving = episode.ended.is_none() && episode.prediction.is_none();
        let progress = is_solving.then(|| {
            let path = episode.folder.join("trajectory.jsonl");
            let progress = look.live.progress(&path);
            look.paths.insert(path);
            self.spent.add_live(progress.as_ref());
            progress
        });
        let stage = if is_solving { "solve" } else { "judge" };
        self.in_flight.push(EpisodeInFlight::new(holder, stage, episode.begun, look.now, progress.flatten()));
    }

    /// Works out how fast the run is, and when it will be done.
    fn estimate(&mut self, run: &Run, times: &[f64]) {
        let Some((first, last)) = run.span() else { return };
        let is_running = !self.in_flight.is_empty();
        let end = if is_running { self.at } else { last };
        let from = first.max(end - WINDOW);
        let done = times.iter().filter(|time| **time >= from && **time <= end).count();
        if done == 0 || end - from < 1.0 {
            return;
        }
        let per_hour = done as f64 / (end - from) * 3600.0;
        let rest: usize = self.cells.iter().map(|cell| cell.planned.saturating_sub(cell.done)).sum();
        self.per_hour = Some(per_hour);
        self.seconds_left = is_running.then(|| rest as f64 / per_hour * 3600.0);
    }

    /// Returns whether all that was asked for is done, and no process is at the sweep.
    pub fn is_done(&self) -> bool {
        !self.is_swept && self.in_flight.is_empty() && self.cells.iter().all(|cell| cell.done >= cell.planned)
    }
}

/// What looking at several cells shares.
struct Look<'a> {
    live: &'a mut Live,
    kinds: &'a mut Kinds,
    /// When episodes were done.
    times: &'a mut Vec<f64>,
    /// The records that were read.
    paths: &'a mut HashSet<PathBuf>,
    /// How often what infrastructure broke is retried by the process that is at the sweep.
    retries: Option<u32>,
    now: f64,
}

impl CellStatus {
    fn add(&mut self, episode: &Episode, is_judged: bool, retries: Option<u32>) {
        let is_done = match episode.ending() {
            Ending::Solved => {
                self.solved += 1;
                true
            }
            Ending::Infrastructure if retries.is_some_and(|retries| episode.failures <= retries) => {
                self.to_retry += 1;
                false
            }
            Ending::Infrastructure => {
                self.infrastructure += 1;
                true
            }
            Ending::Unfinished => {
                // What the budget stopped continues with a larger one.
                let has_ended = episode.ended.as_ref().is_some_and(|ended| !ended.lacks_budget());
                self.unjudged += usize::from(has_ended);
                has_ended && !is_judged
            }
            _ => {
                self.unsolved += 1;
                true
            }
        };
        self.done += usize::from(is_done);
    }
}

impl EpisodeInFlight {
    fn new(holder: InFlight, stage: &'static str, begun: Option<f64>, now: f64, progress: Option<Progress>) -> Self {
        let InFlight { cell, instance_id, sample, machine, process, taken } = holder;
        let seconds = taken.or(begun).map(|since| (now - since).max(0.0));
        Self { cell, instance_id, sample, stage, seconds, progress, machine, process }
    }
}

fn workers(in_flight: &[EpisodeInFlight]) -> Vec<Worker> {
    let mut counts: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    for flight in in_flight {
        *counts.entry((&flight.machine, flight.process)).or_default() += 1;
    }
    let one = |((machine, process), in_flight): ((&str, u32), usize)| Worker {
        machine: machine.to_owned(),
        process,
        in_flight,
    };
    counts.into_iter().map(one).collect()
}

/// Returns how often a sweep tries what infrastructure broke again, as the copy of its file says.
fn retries(run: &Run) -> u32 {
    let read = || {
        let text = std::fs::read_to_string(run.folder().join(SWEEP)).ok()?;
        let file: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
        u32::try_from(file.get("retries")?.get("count")?.as_u64()?).ok()
    };
    read().unwrap_or_else(|| Retries::default().count)
}

/// Returns whether the patches of a cell are judged, as its configuration says.
fn is_judged(run: &Run, cell: &str) -> bool {
    let read = || {
        let config: serde_yaml::Value = serde_yaml::from_str(&run.config(cell).ok()??).ok()?;
        config.get("evaluate")?.as_bool()
    };
    read().unwrap_or(true)
}
