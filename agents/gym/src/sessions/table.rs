//! All sessions of a server.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::kept::Kept;
use super::session::{Session, State};
use super::slots::Slots;

/// How many sessions that have gone are remembered by their id.
const REMEMBERED: usize = 10_000;

/// All sessions of a server, and which there were.
#[derive(Debug)]
pub(crate) struct Table {
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    gone: Mutex<Gone>,
    /// Those that are under way.
    pub(crate) live: Slots,
}

#[derive(Debug, Default)]
struct Gone {
    /// Those of an earlier server.
    earlier: HashMap<String, Kept>,
    /// Those of this one, the latest last.
    ids: VecDeque<String>,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// There was never one.
    Unknown,
    /// It ended, or was closed.
    Gone,
    /// It was of a server that has stopped.
    Earlier(Kept),
}

impl Table {
    /// Returns a table for so many at once, which knows those of earlier servers.
    pub(crate) fn new(earlier: HashMap<String, Kept>, most: usize) -> Self {
        let gone = Mutex::new(Gone { earlier, ids: VecDeque::new() });
        Self { sessions: Mutex::default(), gone, live: Slots::new(most) }
    }

    /// Returns whether an id is taken.
    pub(crate) fn has(&self, id: &str) -> bool {
        !matches!(self.find(id), Err(Missing::Unknown))
    }

    /// Puts a session in; returns whether its id was free.
    pub(crate) fn add(&self, session: Arc<Session>) -> bool {
        let mut sessions = self.lock();
        if sessions.contains_key(&session.id) {
            return false;
        }
        sessions.insert(session.id.clone(), session);
        true
    }

    /// Returns a session, and notes that its client is there.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Session>, Missing> {
        if let Some(session) = self.lock().get(id) {
            session.touch();
            return Ok(session.clone());
        }
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        match gone.earlier.get(id) {
            Some(kept) => Err(Missing::Earlier(kept.clone())),
            None if gone.ids.iter().any(|other| other == id) => Err(Missing::Gone),
            None => Err(Missing::Unknown),
        }
    }

    /// Takes in where an episode is that may be asked for again.
    pub(crate) fn know(&self, kept: Kept) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).earlier.insert(kept.id.clone(), kept);
    }

    /// Returns where an episode is that may be asked for again.
    pub(crate) fn earlier(&self, id: &str) -> Option<Kept> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).earlier.get(id).cloned()
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.lock().remove(id)?;
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.ids.push_back(id.to_owned());
        if gone.ids.len() > REMEMBERED {
            gone.ids.pop_front();
        }
        Some(session)
    }

    /// Takes out all that were left alone for so long and returns those of them that have not ended.
    pub(crate) fn take_idle(&self, idle: Duration) -> Vec<Arc<Session>> {
        let alone: Vec<Arc<Session>> = self.lock().values().filter(|session| session.alone() > idle).cloned().collect();
        for session in &alone {
            self.remove(&session.id);
        }
        alone.into_iter().filter(|session| !matches!(session.state(), State::Ended(_))).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
