//! The processes of a local sandbox: which they are, what they use, and how they end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use shell::{Ending, Process};
use tool_core::SandboxError;

use crate::cgroup::ControlGroup;
use crate::tracker::Tracker;

/// Looks at the process table before all victims are stopped, at most.
const ROUNDS: usize = 100;
/// Time between a kill and a look at what is left.
const PAUSE: Duration = Duration::from_millis(1);
/// So many processes that have to end at once are taken for a bomb.
const MANY: usize = 32;

/// The processes of one sandbox.
pub(crate) struct Processes {
    tracker: Arc<Tracker>,
    sandbox: u64,
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
        Self { tracker: tracker.clone(), sandbox: tracker.add_sandbox(marker), group }
    }

    /// Takes a process in that has just been started for the sandbox.
    pub(crate) fn add(&self, id: u32) {
        if let Some(group) = &self.group {
            group.add(id);
        }
        self.track(id);
    }

    fn track(&self, id: u32) {
        if let Some(process) = Process::read(id) {
            self.tracker.assign(&process, self.sandbox);
        }
    }

    /// Returns the living processes, as they are now.
    pub(crate) fn snapshot(&self) -> Vec<Process> {
        self.tracker.snapshot(Instant::now()).of(self.sandbox).to_vec()
    }

    /// Returns the living processes as they were a moment ago, and shares the snapshot with the other sandboxes.
    pub(crate) async fn recent(&self) -> Result<Vec<Process>, SandboxError> {
        Ok(self.tracker.recent().await?.of(self.sandbox).to_vec())
    }

    /// Returns whether the kernel has lately refused a process because there are more than allowed. Blocks.
    pub(crate) fn are_too_many(&self) -> bool {
        self.group.as_ref().is_some_and(ControlGroup::is_full)
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
            // A shell among them that goes on asks again when it is refused a process.
            group.forbid_forks();
        }
        group.members().into_iter().for_each(|id| self.track(id));
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

    /// Stops the victims, looking again until no new ones turn up; returns the last table, and what was stopped besides.
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
            table = self.tracker.find_again(self.sandbox, &stopped);
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
        self.tracker.remove_sandbox(self.sandbox);
    }
}

/// Stops the groups of many victims, each group at once, as a bomb is faster than whoever stops its processes one
/// by one; returns the others in these groups that ran and have to go on.
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
