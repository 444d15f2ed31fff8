//! Which process belongs to which local sandbox.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shell::{Process, table};
use tool_core::SandboxError;

use crate::blocking::blocking;
use crate::names::MARKER;

/// Time for which a snapshot is new enough for the limits of all commands that run.
const FRESH: Duration = Duration::from_millis(90);
/// Snapshots take at most one part of so many of the time, however long the table is.
const SHARE: u32 = 10;

/// Which process belongs to which sandbox of a provider.
///
/// They are found by descent from the shells of a sandbox, by their session, which no one can join, and by a variable
/// in the environment that they inherit: a process that has detached itself is found by the last, one that has cleared
/// its environment by the others. One that did both is found as long as a process in between was seen before.
///
/// Nothing here takes one by itself: who wants to know does, and shares the snapshot with all who want to know at that time.
#[derive(Default)]
pub(crate) struct Tracker {
    members: Mutex<Members>,
    latest: Mutex<Arc<Snapshot>>,
    /// Sandboxes to be forgotten at the next snapshot, which whoever drops one does not wait for.
    removed: Mutex<Vec<u64>>,
    /// Held by the task that takes a snapshot for all.
    snapshot_lock: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Members {
    last: u64,
    /// The sandbox of each value of the variable.
    markers: HashMap<Vec<u8>, u64>,
    /// The sandbox of each process that was there at the last snapshot and when the process began; none for those that
    /// have nothing to do with a sandbox, so that their environment is read once.
    known: HashMap<u32, (u64, Option<u64>)>,
    /// Processes whose environment could not be read at the last snapshot, as while they fork: it is read once more.
    unread: HashSet<(u32, u64)>,
    /// The sandbox of each session that a process of one leads or has led.
    sessions: HashMap<u32, u64>,
}

/// The processes of all sandboxes at one time.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// When it began and how long it took, unless none was taken yet.
    taken: Option<(Instant, Duration)>,
    sandboxes: HashMap<u64, Vec<Process>>,
}

impl Snapshot {
    /// Returns the living processes of a sandbox.
    pub(crate) fn of(&self, sandbox: u64) -> &[Process] {
        self.sandboxes.get(&sandbox).map_or(&[], Vec::as_slice)
    }

    fn began_after(&self, moment: Instant) -> bool {
        self.taken.is_some_and(|(begun, _)| begun >= moment)
    }

    fn is_fresh(&self) -> bool {
        self.taken.is_some_and(|(begun, took)| begun.elapsed() < FRESH.max(took * SHARE))
    }
}

impl Tracker {
    /// Takes in a sandbox whose processes have `marker` as their variable; returns its number.
    pub(crate) fn add_sandbox(&self, marker: &str) -> u64 {
        let mut members = lock(&self.members);
        members.last += 1;
        let sandbox = members.last;
        members.markers.insert(marker.as_bytes().to_vec(), sandbox);
        sandbox
    }

    /// Forgets a sandbox with the next snapshot.
    pub(crate) fn remove_sandbox(&self, sandbox: u64) {
        lock(&self.removed).push(sandbox);
    }

    /// Takes in a process that is known to belong to a sandbox.
    pub(crate) fn assign(&self, process: &Process, sandbox: u64) {
        lock(&self.members).known.insert(process.id, (process.begun, Some(sandbox)));
    }

    /// Returns a snapshot that began at `not_before` or later. Blocks.
    pub(crate) fn snapshot(&self, not_before: Instant) -> Arc<Snapshot> {
        let mut members = lock(&self.members);
        let latest = lock(&self.latest).clone();
        // Someone else has taken one while this one waited.
        if latest.began_after(not_before) {
            return latest;
        }
        let begun = Instant::now();
        let removed = std::mem::take(&mut *lock(&self.removed));
        members.forget(&removed);
        let sandboxes = members.find(table(&HashMap::new()));
        let snapshot = Arc::new(Snapshot { taken: Some((begun, begun.elapsed())), sandboxes });
        *lock(&self.latest) = snapshot.clone();
        snapshot
    }

    /// Looks for the processes of one sandbox when those in `stopped` are known and can do nothing. Blocks.
    pub(crate) fn find_again(&self, sandbox: u64, stopped: &HashMap<u32, Process>) -> Vec<Process> {
        let mut members = lock(&self.members);
        members.find(table(stopped)).remove(&sandbox).unwrap_or_default()
    }

    /// Returns a snapshot that is not old, which one task takes for all that ask.
    pub(crate) async fn recent(self: &Arc<Self>) -> Result<Arc<Snapshot>, SandboxError> {
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let _lock = self.snapshot_lock.lock().await;
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let tracker = self.clone();
        blocking(move || Ok(tracker.snapshot(Instant::now()))).await
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        Some(lock(&self.latest).clone()).filter(|snapshot| snapshot.is_fresh())
    }
}

impl Members {
    fn forget(&mut self, sandboxes: &[u64]) {
        if !sandboxes.is_empty() {
            self.markers.retain(|_, sandbox| !sandboxes.contains(sandbox));
            self.known.retain(|_, (_, owner)| owner.is_none_or(|owner| !sandboxes.contains(&owner)));
            self.sessions.retain(|_, owner| !sandboxes.contains(owner));
        }
    }

    /// Parts the living processes of a table by sandbox.
    fn find(&mut self, table: Vec<Process>) -> HashMap<u64, Vec<Process>> {
        let parents: HashMap<u32, u32> = table.iter().map(|process| (process.id, process.parent)).collect();
        let known = |process: &Process| self.known.get(&process.id).filter(|(begun, _)| *begun == process.begun);
        let mut owners: HashMap<u32, u64> = HashMap::new();
        for process in &table {
            if let Some((_, Some(sandbox))) = known(process) {
                owners.insert(process.id, *sandbox);
            }
        }
        spread(&table, &parents, &mut self.sessions, &mut owners);
        // The environment comes last: it cannot be read while the process forks.
        let unknown = table.iter().filter(|process| !owners.contains_key(&process.id) && known(process).is_none());
        let (mut marked, mut unread) = (Vec::new(), HashSet::new());
        for process in unknown {
            match self.marked(process.id) {
                Some(Some(sandbox)) => marked.push((process.id, sandbox)),
                None if !self.unread.contains(&(process.id, process.begun)) => {
                    unread.insert((process.id, process.begun));
                }
                _ => {}
            }
        }
        self.unread = unread;
        if !marked.is_empty() {
            owners.extend(marked);
            spread(&table, &parents, &mut self.sessions, &mut owners);
        }
        let sessions = table.iter().map(|process| process.session).collect::<HashSet<u32>>();
        self.sessions.retain(|session, _| sessions.contains(session));
        let seen = table
            .iter()
            .filter(|process| owners.contains_key(&process.id) || !self.unread.contains(&(process.id, process.begun)));
        self.known = seen.map(|process| (process.id, (process.begun, owners.get(&process.id).copied()))).collect();
        let mut sandboxes: HashMap<u64, Vec<Process>> = HashMap::new();
        for process in table.into_iter().filter(|process| !process.is_dead()) {
            if let Some(sandbox) = owners.get(&process.id) {
                sandboxes.entry(*sandbox).or_default().push(process);
            }
        }
        sandboxes
    }

    /// Returns the sandbox that the environment of a process names, if it names one; `None` when it cannot be read.
    fn marked(&self, id: u32) -> Option<Option<u64>> {
        let environment = std::fs::read(format!("/proc/{id}/environ")).ok().filter(|bytes| !bytes.is_empty())?;
        Some(environment.split(|byte| *byte == 0).find_map(|variable| {
            let value = variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"=")?;
            self.markers.get(value).copied()
        }))
    }
}

/// Gives processes without an owner that of their session or of their nearest ancestor with one.
fn spread(
    table: &[Process],
    parents: &HashMap<u32, u32>,
    sessions: &mut HashMap<u32, u64>,
    owners: &mut HashMap<u32, u64>,
) {
    for process in table.iter().filter(|process| process.session == process.id) {
        if let Some(owner) = owners.get(&process.id) {
            sessions.insert(process.session, *owner);
        }
    }
    for process in table {
        if let Some(owner) = sessions.get(&process.session) {
            owners.entry(process.id).or_insert(*owner);
        }
    }
    descend(table, parents, owners);
}

/// Gives each process without an owner that of its nearest ancestor that has one.
fn descend(table: &[Process], parents: &HashMap<u32, u32>, owners: &mut HashMap<u32, u64>) {
    // Ancestors without an owner, so that no line is followed twice.
    let mut free = HashSet::new();
    for process in table {
        let (mut line, mut up) = (Vec::new(), process.id);
        let owner = loop {
            if let Some(owner) = owners.get(&up) {
                break Some(*owner);
            }
            // A table read in pieces may hold a circle.
            if !free.insert(up) {
                break None;
            }
            line.push(up);
            match parents.get(&up) {
                Some(parent) => up = *parent,
                None => break None,
            }
        };
        if let Some(owner) = owner {
            owners.extend(line.into_iter().map(|id| (id, owner)));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, parent: u32, session: u32) -> Process {
        let stat = format!("{id} (p) S {parent} 1 {session} 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 {id} 99 77");
        Process::parse(id, &stat).unwrap()
    }

    fn ids(members: &mut Members, table: &[(u32, u32, u32)], sandbox: u64) -> Vec<u32> {
        // Ids beyond any process table, so that no environment is read.
        const BASE: u32 = 3_000_000_000;
        let at = |id: u32| BASE + id;
        if members.known.is_empty() {
            let shells = [(10, 1), (20, 2)].map(|(shell, sandbox)| (at(shell), (u64::from(at(shell)), Some(sandbox))));
            members.known.extend(shells);
        }
        let table = table.iter().map(|(id, parent, session)| process(at(*id), at(*parent), at(*session))).collect();
        let found = members.find(table).remove(&sandbox).unwrap_or_default();
        found.iter().map(|process| process.id - BASE).collect()
    }

    #[test]
    fn each_process_is_found_by_descent_or_session_and_stays_known() {
        let mut members = Members::default();
        let table = [(9, 1, 9), (10, 9, 10), (11, 10, 10), (12, 11, 12), (13, 1, 10), (20, 9, 9), (21, 20, 9)];
        assert_eq!(ids(&mut members, &table, 1), [10, 11, 12, 13]);
        // What was seen is known though its parent has ended, and so is its session; a child of it is found as well.
        let table =
            [(9, 1, 9), (12, 1, 12), (14, 12, 14), (15, 1, 12), (21, 1, 9), (20, 9, 9), (30, 31, 9), (31, 30, 9)];
        assert_eq!(ids(&mut members, &table, 1), [12, 14, 15]);
        assert_eq!(ids(&mut members, &table, 2), [21, 20]);
        members.forget(&[1]);
        assert_eq!(ids(&mut members, &table, 1), [0; 0]);
    }
}
