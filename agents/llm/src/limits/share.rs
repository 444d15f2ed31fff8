//! What one process holds of a limit that many share through a folder.
//!
//! A process takes what its waiting requests need out of a ledger in the folder ([`crate::limits::chain`]), uses it
//! without asking again, and tells once a moment what it used and gives back what it did not. The sum over all
//! processes of what is held, and of what was used and still counts, never exceeds the limit, whenever a process reads,
//! writes, is stopped or is killed: what a process holds counts whole until it says otherwise, and what one holds that
//! was not heard of for long counts as used then; of what counts for good, its requests in flight count as an average
//! one each. A process without requests holds nothing, so that another one has all of it.
//!
//! Times are those of the file system's clock, which is asked once when the folder is opened: the clocks of machines
//! may differ by minutes, and a request would count for so much less, or more, than a minute.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::limits::amounts::{Amounts, Limits};
use crate::limits::chain::Chain;
use crate::limits::ledger::{Given, Turn};

/// The means by which a process takes part.
#[derive(Debug)]
pub(crate) struct Share {
    chain: Chain,
    /// The process's name in the ledger.
    me: String,
    /// Held for a turn, of which a process does one at a time.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether there is a task that tells what was used.
    pub(crate) is_telling: AtomicBool,
    pub(crate) pace: Pace,
}

/// How often what is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How often is told what was used.
    pub(crate) tell: Duration,
    /// For how long a process counts that is not heard of.
    pub(crate) stale: Duration,
}

/// What a process holds.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// What may be used without asking.
    pub(crate) spare: Amounts,
    /// What was taken since the last telling, and before that.
    pub(crate) recent: (Amounts, Amounts),
    /// When it last wrote.
    pub(crate) written: Option<Instant>,
    pub(crate) is_known: bool,
    /// What was not to be had, and until when that is taken to be so.
    pub(crate) denied: Option<(Amounts, Instant)>,
}

impl Hold {
    /// Takes out of what is spare. What was not told of for long may have been given to others.
    pub(crate) fn take(&mut self, amounts: Amounts, pace: Pace) -> bool {
        let is_fresh = self.written.is_some_and(|written| written.elapsed() < pace.stale / 2);
        let is_there = is_fresh && amounts.is_within(self.spare);
        if is_there {
            self.spare -= amounts;
            self.recent.0 += amounts;
        }
        is_there
    }

    /// Returns what would be used until the next telling if all continues as it did.
    pub(crate) fn expected(&self) -> Amounts {
        self.recent.0.most(self.recent.1)
    }

    /// Notes that a telling begins.
    pub(crate) fn next_period(&mut self) {
        self.recent = (Amounts::default(), self.recent.0);
    }
}

impl Share {
    pub(crate) fn open(folder: &Path, is_durable: bool, pace: Pace) -> std::io::Result<Self> {
        let chain = Chain::open(folder, is_durable)?;
        let me = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        Ok(Self { chain, me, turn: Arc::default(), is_telling: AtomicBool::new(false), pace })
    }

    /// Returns the time by the clock that all processes of the folder share.
    pub(crate) fn clock(&self) -> std::io::Result<SystemTime> {
        self.chain.clock()
    }

    /// Counts what was spent before there was the ledger; returns whether it was counted now.
    pub(crate) fn charge_earlier(&self, spent: Amounts) -> std::io::Result<bool> {
        self.chain.update(|ledger| ledger.charge_earlier(spent))
    }

    /// Does a turn at the ledger. `until` is how long what is used now counts.
    pub(crate) fn turn(
        &self,
        now: impl Fn() -> u64,
        until: u64,
        limits: Limits,
        turn: &Turn,
    ) -> std::io::Result<Given> {
        let stale = millis(self.pace.stale);
        self.chain.update(|ledger| {
            let now = now();
            ledger.expire(now, stale, until.max(now));
            ledger.turn(&self.me, now, limits, turn)
        })
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
