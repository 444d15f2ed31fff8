//! The processes of a local sandbox: which they are, what they use, and how they end.

use std::collections::{HashMap, HashSet};

use rustix::process::{Pid, Signal, kill_process};

use crate::backend::Moment;

/// Looks at the process table, and looks again, at most so often.
const ROUNDS: usize = 100;

/// A line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    state: char,
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
///
/// They are found by descent from its shells, and by a variable in the environment that they inherit: a process that
/// has detached itself is found by the latter, one that has cleared its environment by the former. One that did both
/// is found as long as a process in between was seen before.
pub(super) struct Processes {
    marker: Vec<u8>,
    known: HashMap<u32, u64>,
    /// Processes that have nothing to do with the sandbox, so that their environment is read once.
    strangers: HashMap<u32, u64>,
}

/// What the processes of a sandbox use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) count: u64,
    pub(super) memory: u64,
}

impl Processes {
    /// Returns the processes that have `NAME=value` in their environment.
    pub(super) fn marked(marker: &str) -> Self {
        Self { marker: marker.as_bytes().to_vec(), known: HashMap::new(), strangers: HashMap::new() }
    }

    /// Returns the living processes of the sandbox.
    fn look(&mut self) -> Vec<Process> {
        let table = table();
        let by_id: HashMap<u32, &Process> = table.iter().map(|process| (process.id, process)).collect();
        let mut ours: HashSet<u32> = HashSet::new();
        for process in &table {
            let is = |list: &HashMap<u32, u64>| list.get(&process.id) == Some(&process.begun);
            if is(&self.known) || (!is(&self.strangers) && self.is_marked(process.id)) {
                ours.insert(process.id);
            }
        }
        for process in &table {
            let mut line = vec![process.id];
            let mut up = process;
            while !ours.contains(&up.id) {
                match by_id.get(&up.parent) {
                    Some(parent) if line.len() < table.len() => up = parent,
                    _ => {
                        line.clear();
                        break;
                    }
                }
                line.push(up.id);
            }
            ours.extend(line);
        }
        let (ours, strangers): (Vec<Process>, Vec<Process>) =
            table.into_iter().partition(|process| ours.contains(&process.id));
        self.known = ours.iter().map(|process| (process.id, process.begun)).collect();
        self.strangers = strangers.iter().map(|process| (process.id, process.begun)).collect();
        ours.into_iter().filter(|process| !process.is_dead()).collect()
    }

    fn is_marked(&self, id: u32) -> bool {
        std::fs::read(format!("/proc/{id}/environ"))
            .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|variable| variable == self.marker))
    }

    /// Returns what the processes use together.
    pub(super) fn usage(&mut self) -> Usage {
        let page = rustix::param::page_size() as u64;
        self.look().iter().fold(Usage::default(), |usage, process| Usage {
            count: usage.count + 1,
            memory: usage.memory + process.pages * page,
        })
    }

    /// Returns whether a process of the sandbox still runs under this id.
    pub(super) fn is_alive(id: u32) -> bool {
        Process::read(id).is_some_and(|process| !process.is_dead())
    }

    /// Kills what was started since `since`, but for `shell` and what older processes started.
    ///
    /// All victims are stopped before one is killed, looking again until no new ones turn up: what is stopped starts
    /// no more.
    pub(super) fn end_tree(&mut self, shell: u32, since: Moment) {
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
    pub(super) fn end_all_but(&mut self, shell: u32) {
        self.end(|process, _| process.id != shell);
    }

    /// Kills all processes of the sandbox.
    pub(super) fn end_all(&mut self) {
        self.end(|_, _| true);
    }

    fn end(&mut self, is_victim: impl Fn(&Process, &HashMap<u32, Process>) -> bool) {
        let mut choose = || {
            let table: HashMap<u32, Process> = self.look().into_iter().map(|process| (process.id, process)).collect();
            let victims = table.values().filter(|process| is_victim(process, &table)).copied();
            victims.collect::<Vec<Process>>()
        };
        let mut victims = choose();
        for _ in 0..ROUNDS {
            victims.iter().for_each(|process| process.signal(Signal::STOP));
            let stopped: HashSet<u32> = victims.iter().map(|process| process.id).collect();
            victims = choose();
            let settled = victims.iter().all(|process| stopped.contains(&process.id));
            if settled {
                break;
            }
        }
        for _ in 0..ROUNDS {
            if victims.is_empty() {
                break;
            }
            victims.iter().for_each(|process| process.signal(Signal::KILL));
            victims = choose();
            // A process in the middle of a system call takes its time to die.
            std::thread::sleep(std::time::Duration::from_millis(if victims.is_empty() { 0 } else { 1 }));
        }
    }
}

/// Sends a signal to a process of ours.
pub(super) fn signal(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(id, signal);
    }
}

/// Returns all processes of this machine that we may see.
fn table() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(Process::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "42 (a) b (c) R 7 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 1234 99 77 18446744073709551615";
        let process = Process::parse(42, stat).unwrap();
        assert_eq!((process.parent, process.state, process.begun, process.pages), (7, 'R', 1234, 77));
        assert_eq!(Process::parse(42, "42 (torn"), None);
    }
}
