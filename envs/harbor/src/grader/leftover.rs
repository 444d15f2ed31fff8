//! Ends what the tests have left running.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, getpid, set_child_subreaper, wait};
use shell::{Process, table};

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
        found.iter().for_each(|process| process.signal(Signal::KILL));
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if found.is_empty() || begun.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
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
