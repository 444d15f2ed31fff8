//! What was used of a limit, and which process holds how much of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::amounts::{Amounts, Limits};

/// The moment until which counts what counts for good.
pub(crate) const FOR_GOOD: u64 = u64::MAX;

/// What was used, by the moment (in milliseconds) until which it counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<u64, Amounts>", into = "BTreeMap<u64, Amounts>")]
pub(crate) struct Used {
    until: BTreeMap<u64, Amounts>,
    sum: Amounts,
}

impl Used {
    pub(crate) fn add(&mut self, until: u64, amounts: Amounts) {
        *self.until.entry(until).or_default() += amounts;
        self.sum += amounts;
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.until.iter().for_each(|(until, amounts)| self.add(*until, *amounts));
    }

    /// Forgets what no longer counts.
    pub(crate) fn expire(&mut self, now: u64) {
        while let Some(first) = self.until.first_entry().filter(|first| *first.key() <= now) {
            self.sum -= first.remove();
        }
        if self.until.is_empty() {
            self.sum = Amounts::default();
        }
    }

    pub(crate) fn sum(&self) -> Amounts {
        self.sum
    }

    /// Returns when something of it no longer counts.
    pub(crate) fn next(&self) -> Option<u64> {
        self.until.keys().next().copied().filter(|until| *until != FOR_GOOD)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }
}

impl From<BTreeMap<u64, Amounts>> for Used {
    fn from(until: BTreeMap<u64, Amounts>) -> Self {
        let sum = until.values().fold(Amounts::default(), |sum, amounts| sum + *amounts);
        Self { until, sum }
    }
}

impl From<Used> for BTreeMap<u64, Amounts> {
    fn from(used: Used) -> Self {
        used.until
    }
}

/// What all processes know of a limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    used: Used,
    holders: BTreeMap<String, Holder>,
}

/// What a process holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Holder {
    /// What it may use, or has used and not told yet.
    held: Amounts,
    /// When it last wrote, in milliseconds since 1970.
    seen: u64,
    /// Whether it wants more than it holds.
    wants: bool,
}

/// What a process tells and asks.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// What it used since the last time.
    pub(crate) told: Used,
    /// What it has in use.
    pub(crate) taken: Amounts,
    /// What it holds beside that.
    pub(crate) spare: Amounts,
    /// Whether it should be among the holders.
    pub(crate) is_known: bool,
    /// What it cannot do without.
    pub(crate) need: Amounts,
    /// What it would like.
    pub(crate) ask: Amounts,
}

/// What comes of a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    /// What the process may use beside what it holds.
    pub(crate) grant: Amounts,
    /// Whether what it held beside what is in use is no longer its own.
    pub(crate) is_void: bool,
    /// Whether the process is among the holders from now on.
    pub(crate) is_known: bool,
    /// When something is freed by itself.
    pub(crate) next: Option<u64>,
    /// Whether another process holds something.
    pub(crate) others_hold: bool,
    /// What all processes used so far, as far as they told.
    pub(crate) used: Amounts,
}

impl Ledger {
    /// Forgets what no longer counts. What a process holds that was not heard of since `stale` counts as used now, since
    /// it may have been.
    pub(crate) fn expire(&mut self, now: u64, stale: u64, until: u64) {
        self.used.expire(now);
        let Self { used, holders } = self;
        holders.retain(|_, holder| {
            let is_alive = holder.seen.saturating_add(stale) >= now;
            if !is_alive && !holder.held.is_zero() {
                used.add(until, holder.held);
            }
            is_alive
        });
    }

    /// Takes what a process tells, and gives what it asks for as far as there is. A process that is known and stands here no
    /// longer was given up: what it held counts as used.
    pub(crate) fn turn(&mut self, me: &str, now: u64, limits: Limits, turn: &Turn) -> Given {
        self.used.add_all(&turn.told);
        let is_void = turn.is_known && self.holders.remove(me).is_none();
        self.holders.remove(me);
        let kept = if is_void { turn.taken } else { turn.taken + turn.spare };
        let others = self.holders.values().fold(Amounts::default(), |sum, holder| sum + holder.held);
        let hungry = 1 + self.holders.values().filter(|holder| holder.wants).count();
        let free = limits.left(self.used.sum() + others + kept);
        let lacks = if is_void { turn.need } else { turn.need - turn.spare };
        // All that the next request needs, or nothing: halves of it in the hands of two would stop both.
        let grant = if lacks.is_within(free) {
            lacks.most(turn.ask.least(free.divided(hungry)))
        } else {
            Amounts::default()
        };
        let held = kept + grant;
        let wants = !turn.ask.is_within(grant);
        if wants || !held.is_zero() {
            self.holders.insert(me.to_owned(), Holder { held, seen: now, wants });
        }
        let is_known = self.holders.contains_key(me);
        let (next, used) = (self.used.next(), self.used.sum());
        Given { grant, is_void, is_known, next, others_hold: !others.is_zero(), used }
    }
}
