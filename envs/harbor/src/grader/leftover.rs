//! Ends what the tests have left running.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes what outlives its parent a child of this process, so that it can be found.
pub(crate) fn adopt() {
    // Without it, only what has cut itself loose would stay.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Kills every descendant of this process, however it cut itself loose, and waits until none is left.
pub(crate) fn end_all() {
    let begun = Instant::now();
    loop {
        let found = descendants();
        for pid in &found {
            let _ = kill_process(*pid, Signal::KILL);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if found.is_empty() || begun.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the processes below this one.
fn descendants() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let named = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: HashMap<i32, i32> = named.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let own = getpid().as_raw_nonzero().get();
    let is_below = |pid: i32| {
        let mut seen = 0;
        let mut above = parents.get(&pid).copied();
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
    parents.keys().copied().filter(|pid| is_below(*pid)).filter_map(Pid::from_raw).collect()
}

/// Returns the parent of a process; `None` for one that is gone.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    // The name of a program, in brackets, may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
