//! Work that must not wait for the processes that it is to stop.

use std::fs;

use rustix::process::{getpriority_process, setpriority_process};

/// Highest priority of a thread or a session.
const HIGHEST: i32 = -20;
/// The priority of the whole session, which the kernel weighs first where sessions are scheduled as one.
const SESSION: &str = "/proc/self/autogroup";

/// Puts this thread before others where that is allowed, until it is dropped: a bomb is a thousand others.
pub(super) struct Urgent {
    thread: Option<i32>,
    session: Option<i32>,
}

impl Urgent {
    pub(super) fn new() -> Self {
        let thread = getpriority_process(None).ok().filter(|_| setpriority_process(None, HIGHEST).is_ok());
        // Where it is the highest already, another thread is at it, and will set it back.
        let session = session().filter(|usual| *usual != HIGHEST && fs::write(SESSION, HIGHEST.to_string()).is_ok());
        Self { thread, session }
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        // To be less urgent is always allowed.
        if let Some(usual) = self.thread {
            let _ = setpriority_process(None, usual);
        }
        if let Some(usual) = self.session {
            let _ = fs::write(SESSION, usual.to_string());
        }
    }
}

fn session() -> Option<i32> {
    let text = fs::read_to_string(SESSION).ok()?;
    text.rsplit_once("nice ")?.1.trim().parse().ok()
}
