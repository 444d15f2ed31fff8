//! The processes of a local sandbox: which they are, what they use, and how they end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tool_core::SandboxError;

use super::census::Census;
use super::group::Group;
use crate::backend::Moment;

/// Looks at the process table, and looks again, at most so often.
const ROUNDS: usize = 100;
/// So many processes that have to end at once are taken for a bomb.
const CROWD: usize = 32;

/// A line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    group: u32,
    pub(super) session: u32,
    state: char,
    threads: u64,
    /// Clock ticks since boot.
    pub(crate) begun: u64,
    /// Resident pages.
    pages: u64,
}

impl Process {
    /// Parses `/proc/ID/stat`.
    pub(crate) fn parse(id: u32, stat: &str) -> Option<Self> {
        // The name of the program comes second, in parentheses, and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        Some(Self {
            id,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
            begun: fields.get(19)?.parse().ok()?,
            pages: fields.get(21)?.parse().ok()?,
        })
    }

    fn read(id: u32) -> Option<Self> {
        // The name need not be text.
        let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        Self::parse(id, &String::from_utf8_lossy(&stat))
    }

    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    fn is_older(&self, moment: Moment) -> bool {
        (self.begun, self.id) <= (moment.ticks, moment.last)
    }

    fn signal(&self, signal: Signal) {
        // The id may have been given to another process in the meantime.
        if Self::read(self.id).is_some_and(|now| now.begun == self.begun)
            && let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw)
        {
            // It may have ended by itself.
            let _ = kill_process(id, signal);
        }
    }
}

/// The processes of one sandbox.
pub(super) struct Processes {
    census: Arc<Census>,
    sandbox: u64,
    group: Option<Group>,
}

/// What the processes of a sandbox use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processes and threads.
    pub(super) count: u64,
    pub(super) memory: u64,
}

impl Usage {
    /// Returns what processes use together.
    pub(super) fn of(processes: &[Process]) -> Self {
        let page = rustix::param::page_size() as u64;
        processes.iter().fold(Self::default(), |usage, process| Self {
            count: usage.count + process.threads,
            memory: usage.memory + process.pages * page,
        })
    }
}

impl Processes {
    /// Returns the processes that have `marker` as their variable, those that descend from them, and those in a group.
    pub(super) fn marked(census: &Arc<Census>, marker: &str, group: Option<Group>) -> Self {
        Self { census: census.clone(), sandbox: census.enter(marker), group }
    }

    /// Takes a process in that has just been started for the sandbox.
    pub(super) fn claim(&self, id: u32) {
        if let Some(group) = &self.group {
            group.enter(id);
        }
        self.know(id);
    }

    fn know(&self, id: u32) {
        if let Some(process) = Process::read(id) {
            self.census.claim(&process, self.sandbox);
        }
    }

    /// Returns the living processes, as they are now.
    pub(super) fn look(&self) -> Vec<Process> {
        self.census.look(Instant::now()).of(self.sandbox).to_vec()
    }

    /// Returns the living processes as they were a moment ago, and shares the look with the other sandboxes.
    pub(super) async fn lately(&self) -> Result<Vec<Process>, SandboxError> {
        Ok(self.census.lately().await?.of(self.sandbox).to_vec())
    }

    /// Returns whether the kernel has lately refused a process because there are more than allowed. Blocks.
    pub(super) fn are_too_many(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_full)
    }

    /// Returns whether a process still runs under this id.
    pub(super) fn is_alive(id: u32) -> bool {
        Process::read(id).is_some_and(|process| !process.is_dead())
    }

    /// Kills what was started since `since`, but for `shell` and what older processes started.
    ///
    /// All victims are stopped before one is killed, looking again until no new ones turn up: what is stopped starts
    /// no more.
    pub(super) fn end_tree(&self, shell: u32, since: Moment) {
        self.end(|process, table| {
            if process.id == shell || process.is_older(since) {
                return false;
            }
            let mut up = process;
            for _ in 0..table.len() {
                match table.get(&up.parent) {
                    Some(parent) if parent.id == shell => return true,
                    Some(parent) if parent.is_older(since) => return false,
                    Some(parent) => up = parent,
                    None => break,
                }
            }
            true
        });
    }

    /// Kills all processes of the sandbox but `shell`.
    pub(super) fn end_all_but(&self, shell: u32) {
        self.end(|process, _| process.id != shell);
    }

    /// Kills all processes of the sandbox.
    pub(super) fn end_all(&self) {
        self.end(|_, _| true);
    }

    fn end(&self, is_victim: impl Fn(&Process, &HashMap<u32, Process>) -> bool) {
        let Some(group) = &self.group else { return self.end_each(is_victim) };
        let is_crowded = group.members().len() >= CROWD;
        if is_crowded {
            // A shell among them that goes on asks again when it is refused a process.
            group.close();
        }
        group.members().into_iter().for_each(|id| self.know(id));
        self.end_each(is_victim);
        group.open();
    }

    fn end_each(&self, is_victim: impl Fn(&Process, &HashMap<u32, Process>) -> bool) {
        let part = |living: Vec<Process>| {
            let table: HashMap<u32, Process> = living.into_iter().map(|process| (process.id, process)).collect();
            table.values().partition::<Vec<Process>, _>(|process| is_victim(process, &table))
        };
        let (mut victims, mut others) = part(self.look());
        let (mut stopped, mut held) = (HashMap::new(), Vec::new());
        for _ in 0..ROUNDS {
            held.extend(stop_groups(&victims, &others));
            let mut new: Vec<Process> =
                victims.iter().filter(|process| !stopped.contains_key(&process.id)).copied().collect();
            // The newest are the likeliest to start more.
            new.sort_by_key(|process| std::cmp::Reverse((process.begun, process.id)));
            new.iter().filter(|process| !process.is_stopped()).for_each(|process| process.signal(Signal::STOP));
            stopped.extend(new.into_iter().map(|process| (process.id, process)));
            (victims, others) = part(self.census.look_again(self.sandbox, &stopped));
            if victims.iter().all(|process| stopped.contains_key(&process.id)) {
                break;
            }
        }
        for _ in 0..ROUNDS {
            if victims.is_empty() {
                break;
            }
            victims.iter().for_each(|process| process.signal(Signal::KILL));
            (victims, _) = part(self.look());
            // A process in the middle of a system call takes its time to die.
            std::thread::sleep(Duration::from_millis(if victims.is_empty() { 0 } else { 1 }));
        }
        held.iter().for_each(|process: &Process| process.signal(Signal::CONT));
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.census.leave(self.sandbox);
    }
}

/// Stops the groups of a crowd of victims, each group at once, as a bomb is faster than whoever stops its processes one
/// by one; returns the others in these groups that ran and have to go on.
fn stop_groups(victims: &[Process], others: &[Process]) -> Vec<Process> {
    if victims.len() < CROWD {
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

/// Sends a signal to a process of ours.
pub(super) fn signal(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(id, signal);
    }
}

/// Returns all processes of this machine that we may see; those in `seen` are taken to be as they were.
pub(super) fn table(seen: &HashMap<u32, Process>) -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| seen.get(&id).copied().or_else(|| Process::read(id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "42 (a) b (c) R 7 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 1234 99 77 18446744073709551615";
        let process = Process::parse(42, stat).unwrap();
        assert_eq!((process.parent, process.state, process.begun, process.pages), (7, 'R', 1234, 77));
        assert_eq!((process.group, process.session, process.threads), (42, 42, 1));
        assert_eq!(Process::parse(42, "42 (torn"), None);
    }
}
