//! Ends what the tests have left running.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{
    DumpableBehavior, Signal, WaitOptions, getpid, set_child_subreaper, set_dumpable_behavior, wait,
};
use shell::{Process, table};

/// How long the processes may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes what outlives its parent a child of this process, so that it can be found, and keeps the memory of this one
/// from programs that may not look into any.
pub(crate) fn adopt() {
    // Without the one, only what has cut itself loose would stay; without the other, only a debugger could be at work.
    let _ = set_child_subreaper(Some(getpid()));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Kills every descendant of this process, however it cut itself loose, and returns whether none is left.
pub(crate) fn end_all() -> bool {
    let begun = Instant::now();
    let mut stopped = HashSet::new();
    loop {
        // What moves on by starting itself anew comes to be a child of this process each time, which is seen at once.
        children().iter().for_each(|process| process.signal(Signal::STOP));
        let found = descendants();
        // Those that look after each other would start anew what was killed, so that all are stopped first.
        let new: Vec<&Process> = found.iter().filter(|process| stopped.insert((process.id, process.begun))).collect();
        let signal = if new.is_empty() { Signal::KILL } else { Signal::STOP };
        if new.is_empty() { found.iter().collect() } else { new }.iter().for_each(|process| process.signal(signal));
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if found.is_empty() || begun.elapsed() > PATIENCE {
            return found.is_empty();
        }
        if signal == Signal::KILL {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Returns the children of this process, where the kernel lists them.
fn children() -> Vec<Process> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| Process::read(id.parse().ok()?)).collect::<Vec<_>>())
        .collect()
}

/// Returns the processes below this one.
fn descendants() -> Vec<Process> {
    let all = table(&HashMap::new());
    let parents: HashMap<u32, u32> = all.iter().map(|process| (process.id, process.parent)).collect();
    let own = std::process::id();
    let is_below = |process: &Process| {
        let mut seen = 0;
        let mut above = Some(process.parent);
        while let Some(at) = above {
            // Processes come and go while they are read, so that a chain may close.
            seen += 1;
            if at == own || seen > parents.len() {
                return at == own;
            }
            above = parents.get(&at).copied();
        }
        false
    };
    all.iter().copied().filter(is_below).collect()
}
