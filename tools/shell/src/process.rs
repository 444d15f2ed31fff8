//! The process table of this machine.

use std::collections::HashMap;

use rustix::process::{Pid, Signal, kill_process};

use crate::backend::ProcessTime;

/// A line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// The process.
    pub id: u32,
    /// Who started it, or who looks after it since that one has ended.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// The letter of its state.
    pub state: char,
    /// How many threads it has.
    pub threads: u64,
    /// Clock ticks since boot.
    pub begun: u64,
    /// Resident pages.
    pub pages: u64,
}

impl Process {
    /// Parses `/proc/ID/stat`.
    pub fn parse(id: u32, stat: &str) -> Option<Self> {
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

    /// Parses lines of `/proc/ID/stat`, each with a NUL after it.
    pub fn parse_all(stats: &[u8]) -> Vec<Self> {
        let stats = stats.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        stats.filter_map(|stat| Self::parse(stat.split(' ').next()?.parse().ok()?, &stat)).collect()
    }

    /// Reads the line of a process; `None` when there is none.
    pub fn read(id: u32) -> Option<Self> {
        // The name need not be text.
        let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        Self::parse(id, &String::from_utf8_lossy(&stat))
    }

    /// Returns whether it has ended, whether or not someone has taken note of that.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Returns whether it is stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// Returns whether it began before `moment`.
    pub fn is_older(&self, moment: ProcessTime) -> bool {
        (self.begun, self.id) <= (moment.ticks, moment.last)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // The id may have been given to another process in the meantime.
        if Self::read(self.id).is_some_and(|now| now.begun == self.begun)
            && let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw)
        {
            // It may have ended by itself.
            let _ = kill_process(id, signal);
        }
    }
}

/// Returns all processes of this machine that we may see; those in `seen` are taken to be as they were.
pub fn table(seen: &HashMap<u32, Process>) -> Vec<Process> {
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
        let all = Process::parse_all(format!("{stat}\n\0torn\0{stat}\0").as_bytes());
        assert_eq!(all, [process, process]);
    }
}
