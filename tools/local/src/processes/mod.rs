//! The processes of a local sandbox: which they are, what they use, and how they end.

mod cgroup;
mod tracker;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use shell::{Ending, Process};
use tool_core::SandboxError;

pub(crate) use cgroup::ControlGroup;
pub(crate) use tracker::Tracker;

/// Looks at the process table before all victims are stopped, at most.
const ROUNDS: usize = 100;
/// Time between a kill and a look at what is left.
const PAUSE: Duration = Duration::from_millis(1);
/// So many processes that have to end at once are taken for a bomb.
const MANY: usize = 32;

/// The processes of one sandbox: where there is a control group, those in it, and else those that the tracker finds.
///
/// The list of a group costs the same however many processes the machine has. A command that runs as root may move a
/// process to a group elsewhere, and with it out of sight: nothing isolates a local sandbox.
pub(crate) struct Processes {
    tracker: Arc<Tracker>,
    marker: String,
    /// The number of the sandbox, once it is tracked.
    sandbox: OnceLock<u64>,
    group: Option<ControlGroup>,
}

/// What the processes of a sandbox use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processes and threads.
    pub(crate) count: u64,
    pub(crate) memory: u64,
}

impl Usage {
    /// Returns what processes use together.
    pub(crate) fn of(processes: &[Process]) -> Self {
        let page = rustix::param::page_size() as u64;
        processes.iter().fold(Self::default(), |usage, process| Self {
            count: usage.count + process.threads,
            memory: usage.memory + process.pages * page,
        })
    }
}

impl Processes {
    /// Returns the processes that have `marker` as their variable, those that descend from them, and those in a group.
    pub(crate) fn marked(tracker: &Arc<Tracker>, marker: &str, group: Option<ControlGroup>) -> Self {
        Self { tracker: tracker.clone(), marker: marker.to_owned(), sandbox: OnceLock::new(), group }
    }

    /// Takes a process in that has just been started for the sandbox and has no children yet.
    pub(crate) fn add(&self, id: u32) {
        if let Some(group) = &self.group {
            group.add(id);
        }
        if !self.are_grouped() {
            self.track(id);
        }
    }

    fn track(&self, id: u32) {
        if let Some(process) = Process::read(id) {
            self.tracker.assign(&process, self.sandbox());
        }
    }

    /// Returns whether a group holds all of them, so that looking at them is cheap.
    pub(crate) fn are_grouped(&self) -> bool {
        self.whole_group().is_some()
    }

    /// Returns the group if all processes are in it.
    fn whole_group(&self) -> Option<&ControlGroup> {
        self.group.as_ref().filter(|group| group.is_whole())
    }

    /// Returns the number under which the sandbox is tracked.
    fn sandbox(&self) -> u64 {
        *self.sandbox.get_or_init(|| self.tracker.add_sandbox(&self.marker))
    }

    /// Returns the living processes, as they are now. Blocks.
    pub(crate) fn snapshot(&self) -> Vec<Process> {
        match self.whole_group() {
            Some(group) => living(group, &HashMap::new()),
            None => {
                // It has to be known before the snapshot is taken.
                let sandbox = self.sandbox();
                self.tracker.snapshot(Instant::now()).of(sandbox).to_vec()
            }
        }
    }

    /// Returns the living processes when those in `stopped` are known and can do nothing. Blocks.
    fn snapshot_again(&self, stopped: &HashMap<u32, Process>) -> Vec<Process> {
        match self.whole_group() {
            Some(group) => living(group, stopped),
            None => self.tracker.find_again(self.sandbox(), stopped),
        }
    }

    /// Returns the living processes as they were a moment ago, from a snapshot of the machine that all sandboxes share.
    pub(crate) async fn shared_snapshot(&self) -> Result<Vec<Process>, SandboxError> {
        let sandbox = self.sandbox();
        Ok(self.tracker.recent().await?.of(sandbox).to_vec())
    }

    /// Returns whether the kernel has lately refused a process because there are more than allowed. Blocks.
    pub(crate) fn are_too_many(&self) -> bool {
        self.group.as_ref().is_some_and(ControlGroup::is_full)
    }

    /// Returns whether there is at most one process, of one thread, where the kernel counts them.
    pub(crate) fn are_at_most_one(&self) -> bool {
        self.whole_group().is_some_and(|group| group.count().is_some_and(|count| count <= 1))
    }

    /// Returns whether a process still runs under this id.
    pub(crate) fn is_alive(id: u32) -> bool {
        Process::read(id).is_some_and(|process| !process.is_dead())
    }

    /// Kills all processes of the sandbox.
    pub(crate) fn end_all(&self) {
        self.end(Ending::background(0));
    }

    /// Kills what `ending` chooses.
    pub(crate) fn end(&self, ending: Ending) {
        let Some(group) = &self.group else { return self.end_each(ending) };
        let are_many = group.members().len() >= MANY;
        if are_many {
            // A shell among them that continues asks again when it is refused a process.
            group.forbid_forks();
        }
        if !group.is_whole() {
            group.members().into_iter().for_each(|id| self.track(id));
        }
        self.end_each(ending);
        group.allow_forks();
    }

    fn end_each(&self, mut ending: Ending) {
        let (mut table, held) = self.stop(&ending);
        loop {
            let victims = ending.next(&table);
            if victims.is_empty() {
                break;
            }
            victims.iter().for_each(|process| process.signal(Signal::KILL));
            // A process in the middle of a system call takes its time to die.
            std::thread::sleep(PAUSE);
            table = self.snapshot();
        }
        held.iter().for_each(|process| process.signal(Signal::CONT));
    }

    /// Stops the victims, looking again until no new ones turn up; returns the last table, and what was stopped
    /// besides.
    fn stop(&self, ending: &Ending) -> (Vec<Process>, Vec<Process>) {
        let mut table = self.snapshot();
        table.iter().filter(|process| ending.is_first(process)).for_each(|process| process.signal(Signal::STOP));
        let (mut stopped, mut held) = (HashMap::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (victims, others) = ending.part(&table);
            held.extend(stop_groups(&victims, &others));
            let mut new: Vec<Process> =
                victims.into_iter().filter(|process| !stopped.contains_key(&process.id)).collect();
            // The newest are the likeliest to start more.
            new.sort_by_key(|process| std::cmp::Reverse((process.begun, process.id)));
            new.iter().filter(|process| !process.is_stopped()).for_each(|process| process.signal(Signal::STOP));
            stopped.extend(new.into_iter().map(|process| (process.id, process)));
            table = self.snapshot_again(&stopped);
            let victims = ending.part(&table).0;
            if victims.iter().all(|process| stopped.contains_key(&process.id)) {
                break;
            }
        }
        (table, held)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.get() {
            self.tracker.remove_sandbox(*sandbox);
        }
    }
}

/// Returns the living processes of a group; those in `seen` are taken to be as they were.
fn living(group: &ControlGroup, seen: &HashMap<u32, Process>) -> Vec<Process> {
    let members = group.members().into_iter();
    let processes = members.filter_map(|id| seen.get(&id).copied().or_else(|| Process::read(id)));
    processes.filter(|process| !process.is_dead()).collect()
}

/// Stops the groups of many victims, each group at once, as a bomb is faster than whoever stops its processes one
/// by one; returns the others in these groups that ran and have to continue.
fn stop_groups(victims: &[Process], others: &[Process]) -> Vec<Process> {
    if victims.len() < MANY {
        return Vec::new();
    }
    let groups: HashSet<u32> = victims.iter().map(|process| process.group).collect();
    for group in &groups {
        if let Some(group) = i32::try_from(*group).ok().filter(|group| *group > 1).and_then(Pid::from_raw) {
            // It may have ended.
            let _ = kill_process_group(group, Signal::STOP);
        }
    }
    others.iter().filter(|process| groups.contains(&process.group) && !process.is_stopped()).copied().collect()
}
