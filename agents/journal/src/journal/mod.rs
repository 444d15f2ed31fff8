//! The journal of a run: what every process has written of it, and what this one adds.

mod earlier;
mod entry;
mod lease;
mod log;
mod state;
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use log::Log;
use state::{CellState, State};
use turns::Turns;

pub use entry::{Ended, Entry, Failed, Imported, Judged, Line, VERSION};
pub use lease::Lease;
pub(crate) use lease::holder;
pub(crate) use state::{EpisodeState, Key};
pub(crate) use turns::Turn;

/// The folder of a journal in the folder of its run.
pub(crate) const FOLDER: &str = "journal";

/// The file of what an earlier version has left.
const EARLIER: &str = "earlier.jsonl";

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

/// The journal of a run.
///
/// Each process appends to a file of its own, so that none waits for another; what all have written is read once, when
/// the journal is opened, and kept in memory from then on. Adding a line costs the same however many there are.
#[derive(Debug, Clone)]
pub struct Journal {
    run: PathBuf,
    inner: Arc<Mutex<Inner>>,
    turns: Turns,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// What this process writes; there is none before it does.
    own: Option<Log>,
    /// How much of each file of others was read.
    read: BTreeMap<PathBuf, u64>,
    /// The latest time of a line that was read.
    last: f64,
}

impl Journal {
    /// Opens the journal of a run, which need not exist. A run of a version without a journal is taken over.
    pub fn open(run: &Path) -> anyhow::Result<Self> {
        let journal = Self { run: run.to_owned(), inner: Arc::default(), turns: Turns::default() };
        journal.take_over()?;
        journal.refresh()?;
        Ok(journal)
    }

    /// Opens the journal of a run and writes nothing.
    pub(crate) fn read(run: &Path) -> anyhow::Result<Self> {
        let journal = Self { run: run.to_owned(), inner: Arc::default(), turns: Turns::default() };
        if !journal.has_files() {
            let mut inner = journal.lock();
            earlier::lines(run)?.into_iter().for_each(|line| inner.state.add(line));
        }
        journal.refresh()?;
        Ok(journal)
    }

    /// Writes what the files of an earlier version say as a file of the journal: the whole of it, or nothing.
    fn take_over(&self) -> anyhow::Result<()> {
        if self.has_files() {
            return Ok(());
        }
        let lines = earlier::lines(&self.run)?;
        if !lines.is_empty() {
            let folder = self.folder();
            fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
            // Who does the same at the same time writes the same.
            log::write_whole_log(&folder.join(EARLIER), &lines)?;
        }
        Ok(())
    }

    fn has_files(&self) -> bool {
        fs::read_dir(self.folder()).into_iter().flatten().flatten().any(|entry| is_log(&entry.path()))
    }

    /// Returns the folder of the run.
    pub fn run(&self) -> &Path {
        &self.run
    }

    fn folder(&self) -> PathBuf {
        self.run.join(FOLDER)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other part of this process changes the own files of a cell.
    pub(crate) fn turn(&self, cell: &str) -> Turn {
        self.turns.wait(cell)
    }

    /// Adds lines on a cell. When this returns they are kept, whatever becomes of the process; where they took money or
    /// time to come by, whatever becomes of the machine.
    pub fn append(&self, cell: &str, entries: Vec<Entry>) -> anyhow::Result<()> {
        let mut inner = self.lock();
        let mut lines: Vec<Line> = entries.into_iter().map(|entry| Line::now(cell, entry)).collect();
        let last = inner.last;
        // What was read before is said before, also by the clock of who is ahead.
        lines.iter_mut().for_each(|line| line.at = line.at.max(last.next_up()));
        let appended = match &mut inner.own {
            Some(own) => own.append(&mut lines),
            None => inner.own.insert(Log::create(&self.folder(), last)?).append(&mut lines),
        };
        if let Err(err) = appended {
            // What is in the file from now on is not known: what the system had not written yet may be gone.
            inner.own = None;
            return Err(err);
        }
        lines.into_iter().for_each(|line| inner.state.add(line));
        Ok(())
    }

    /// Reads what other processes have added since it was last read.
    pub fn refresh(&self) -> anyhow::Result<()> {
        let folder = self.folder();
        let mut inner = self.lock();
        let Inner { state, own, read, last } = &mut *inner;
        let own = own.as_ref().map(Log::path);
        let mut lines = Vec::new();
        if folder.is_dir() {
            let entries = fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
            let paths = entries.flatten().map(|entry| entry.path());
            for path in paths.filter(|path| is_log(path) && Some(path.as_path()) != own) {
                let from = read.entry(path.clone()).or_default();
                if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > *from) {
                    let (new, end) = log::read(&path, *from)?;
                    *from = end;
                    lines.extend(new);
                }
            }
        }
        // Those of one process are in order already, as its times never go back; those of several go by their clocks.
        lines.sort_by(|one, other| one.at.total_cmp(&other.at));
        *last = lines.last().map_or(*last, |line| line.at.max(*last));
        lines.into_iter().for_each(|line| state.add(line));
        Ok(())
    }

    /// Returns when the first episode of the run began, and when anything last came of one.
    pub(crate) fn span(&self) -> Option<(f64, f64)> {
        let inner = self.lock();
        let episodes = || inner.state.cells.values().flat_map(|cell| cell.episodes.values());
        let first = episodes().flat_map(|episode| [episode.begun, episode.came]).flatten().min_by(f64::total_cmp)?;
        Some((first, episodes().filter_map(|episode| episode.came).fold(first, f64::max)))
    }

    /// Looks at what is known of a cell.
    pub(crate) fn with_cell<T>(&self, cell: &str, look: impl FnOnce(&CellState) -> T) -> T {
        let inner = self.lock();
        match inner.state.cells.get(cell) {
            Some(state) => look(state),
            None => look(&CellState::default()),
        }
    }

    /// Returns the names of the cells that anything is known of.
    pub(crate) fn cells(&self) -> Vec<String> {
        self.lock().state.cells.keys().filter(|name| !name.is_empty()).cloned().collect()
    }
}
