//! Work that must not wait for the processes that it is to stop.

use std::fs;

use rustix::process::{getpriority_process, setpriority_process};

/// Highest priority of a thread or a session.
const HIGHEST: i32 = -20;
/// The priority of the whole session, which the kernel weighs first where sessions are scheduled as one.
const SESSION: &str = "/proc/self/autogroup";

/// Puts this thread before others where that is allowed, until it is dropped: a bomb is a thousand others.
pub(super) struct Urgent(Option<i32>);

impl Urgent {
    pub(super) fn new() -> Self {
        Self(getpriority_process(None).ok().filter(|_| setpriority_process(None, HIGHEST).is_ok()))
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(usual) = self.0 {
            // To be less urgent is always allowed.
            let _ = setpriority_process(None, usual);
        }
    }
}

/// Puts the session of this process, which waits most of the time, before those of the sandboxes where that is
/// allowed, until it is dropped: a process that waits for its turn among a thousand sessions sees no bomb.
pub(super) struct UrgentSession(Option<i32>);

impl UrgentSession {
    pub(super) fn new() -> Self {
        // Where it is the highest already, someone else has made it so, and will set it back.
        Self(session().filter(|usual| *usual != HIGHEST && fs::write(SESSION, HIGHEST.to_string()).is_ok()))
    }
}

impl Drop for UrgentSession {
    fn drop(&mut self) {
        if let Some(usual) = self.0 {
            // To be less urgent is always allowed.
            let _ = fs::write(SESSION, usual.to_string());
        }
    }
}

fn session() -> Option<i32> {
    let text = fs::read_to_string(SESSION).ok()?;
    text.rsplit_once("nice ")?.1.trim().parse().ok()
}
