//! Ending process trees.

use std::collections::HashMap;

use crate::backend::ProcessTime;
use crate::process::Process;

/// Process tables that are looked at, at most.
const ROUNDS: usize = 100;

/// The end of what commands have started, the same in all sandboxes.
///
/// It is fed with process tables and says which processes have to be killed, until there are none. Before the first
/// table, a provider stops at least the victims, so that they start no more on the way however fast they were; after
/// the last one, it lets the other stopped processes continue:
///
/// 1. stop;
/// 2. take a table, and kill what [`Ending::next`] names, until it names nothing;
/// 3. let the other processes continue.
///
/// How processes are stopped is left to the provider, as it cannot be one: inside a container, the kernel stops all
/// processes at one word; on a machine with other processes, the victims have to be found and stopped one by one.
#[derive(Debug, Clone)]
pub struct Ending {
    shell: u32,
    /// Whether the shell ends as well.
    shell_too: bool,
    since: ProcessTime,
    spared: Option<u32>,
    rounds: usize,
}

impl Ending {
    /// Ends `shell` and what was started since `since`, but for what older processes started.
    pub fn tree(shell: u32, since: ProcessTime) -> Self {
        Self { shell, shell_too: true, since, spared: None, rounds: 0 }
    }

    /// Ends all but `shell`; 0 is no shell.
    pub fn background(shell: u32) -> Self {
        Self { shell, shell_too: false, since: ProcessTime::default(), spared: None, rounds: 0 }
    }

    /// Returns whether a process is the shell that ends, which has to be stopped first where processes are stopped one
    /// by one: with job control, it continues its command when it sees a stopped job.
    pub fn is_first(&self, process: &Process) -> bool {
        self.shell_too && process.id == self.shell
    }

    /// Leaves a process as it is, with all that it starts.
    #[must_use]
    pub fn sparing(mut self, process: u32) -> Self {
        self.spared = Some(process).filter(|process| *process > 0);
        self
    }

    /// Returns the processes of `table` that have to be killed next; empty when it is done, or cannot be.
    ///
    /// The table does not contain the first process of a container and the process that makes the table: what the first
    /// process has taken on when its parent ended goes by its own age.
    pub fn next(&mut self, table: &[Process]) -> Vec<Process> {
        self.rounds += 1;
        if self.rounds > ROUNDS { Vec::new() } else { self.part(table).0 }
    }

    /// Returns the processes of `table` that have to end, and the others.
    pub fn part(&self, table: &[Process]) -> (Vec<Process>, Vec<Process>) {
        let by_id: HashMap<u32, &Process> = table.iter().map(|process| (process.id, process)).collect();
        table.iter().partition(|process| self.is_victim(process, &by_id))
    }

    fn is_victim(&self, process: &Process, table: &HashMap<u32, &Process>) -> bool {
        let is_kept = |process: &Process| self.spared == Some(process.id) || process.is_older(self.since);
        if process.id == self.shell {
            return self.shell_too && !process.is_dead();
        }
        if process.is_dead() || is_kept(process) {
            return false;
        }
        let mut up = process;
        // A table read in pieces may hold a circle.
        for _ in 0..table.len() {
            match table.get(&up.parent) {
                Some(parent) if parent.id == self.shell => return true,
                Some(parent) if is_kept(parent) => return false,
                Some(parent) => up = parent,
                None => break,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: u32 = 10;

    /// Parses a table of ids, parents, begins and states.
    fn table(lines: &[(u32, u32, u64, char)]) -> Vec<Process> {
        let stat = |(id, parent, begun, state): &(u32, u32, u64, char)| {
            let stat = format!("{id} (p) {state} {parent} 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 {begun} 99 77");
            Process::parse(*id, &stat).unwrap()
        };
        lines.iter().map(stat).collect()
    }

    fn check(mut ending: Ending, lines: &[(u32, u32, u64, char)], expected: &[u32]) {
        let victims = ending.next(&table(lines));
        assert_eq!(victims.iter().map(|process| process.id).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_was_started_since_ends_but_for_what_older_processes_start() {
        let since = ProcessTime { ticks: 100, last: 20 };
        let lines = [
            (SHELL, 1, 50, 'S'),
            // A job of an earlier command, and what it starts now.
            (15, SHELL, 90, 'S'),
            (30, 15, 120, 'S'),
            (31, 30, 121, 'S'),
            // The command, and what it has left to the first process.
            (21, SHELL, 100, 'S'),
            (22, 21, 130, 'R'),
            (23, 1, 140, 'T'),
            // At the same tick, the id tells.
            (19, SHELL, 100, 'S'),
            // One that has ended.
            (24, 21, 150, 'Z'),
        ];
        check(Ending::tree(SHELL, since), &lines, &[SHELL, 21, 22, 23]);
    }

    #[test]
    fn all_but_the_shell_and_what_is_spared_can_end() {
        let lines = [(SHELL, 1, 50, 'S'), (40, 0, 60, 'S'), (41, 40, 70, 'S'), (42, SHELL, 55, 'S'), (43, 1, 56, 'S')];
        check(Ending::background(SHELL).sparing(40), &lines, &[42, 43]);
        check(Ending::background(SHELL).sparing(0), &lines, &[40, 41, 42, 43]);
        check(Ending::background(0), &lines, &[SHELL, 40, 41, 42, 43]);
    }

    #[test]
    fn a_circle_and_what_never_dies_are_given_up() {
        let lines = [(50, 51, 60, 'S'), (51, 50, 61, 'S')];
        check(Ending::background(SHELL), &lines, &[50, 51]);
        let mut ending = Ending::background(SHELL);
        let rounds = (0..1000).take_while(|_| !ending.next(&table(&lines)).is_empty()).count();
        assert_eq!(rounds, ROUNDS);
    }
}
