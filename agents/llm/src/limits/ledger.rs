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
    /// What the process may use from now on.
    pub(crate) spare: Amounts,
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
        let spare = if is_void { Amounts::default() } else { turn.spare };
        let others = self.holders.values().fold(Amounts::default(), |sum, holder| sum + holder.held);
        let hungry = 1 + self.holders.values().filter(|holder| holder.wants).count();
        let free = limits.left(self.used.sum() + others + turn.taken + spare);
        let lacks = turn.need - spare;
        // All that the next request needs, or nothing: parts of it in the hands of two would stop both.
        let (spare, wants) = if !lacks.is_within(free) {
            (Amounts::default(), true)
        } else {
            let grant = lacks.most(turn.ask.least(free.divided(hungry)));
            (spare + grant, !turn.ask.is_within(grant))
        };
        let held = turn.taken + spare;
        if wants || !held.is_zero() {
            self.holders.insert(me.to_owned(), Holder { held, seen: now, wants });
        }
        let is_known = self.holders.contains_key(me);
        let (next, used) = (self.used.next(), self.used.sum());
        Given { spare, is_known, next, others_hold: !others.is_zero(), used }
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> Amounts {
        self.used.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 6000;
    const STALE: u64 = 2000;
    const LIMIT: usize = 60;

    #[derive(Default)]
    struct Process {
        name: String,
        spare: Amounts,
        told: Used,
        is_known: bool,
        wrote: Option<u64>,
    }

    impl Process {
        /// Does a turn as a process does that needs so much.
        fn turn(&mut self, ledger: &mut Ledger, now: u64, need: f64) {
            let limits = Limits([Some(LIMIT as f64), None]);
            let need = Amounts([need, 0.0]);
            let spare = if need.is_zero() { Amounts::default() } else { self.spare };
            let ask = need + need;
            let (told, is_known) = (std::mem::take(&mut self.told), self.is_known);
            let turn = Turn { told, taken: Amounts::default(), spare, is_known, need, ask };
            ledger.expire(now, STALE, now + WINDOW);
            let given = ledger.turn(&self.name, now, limits, &turn);
            (self.spare, self.is_known, self.wrote) = (given.spare, given.is_known, Some(now));
        }

        /// Returns whether a request was sent.
        fn send(&mut self, now: u64) -> bool {
            let one = Amounts([1.0, 0.0]);
            let is_fresh = self.wrote.is_some_and(|wrote| now - wrote < STALE / 2);
            let is_sent = is_fresh && one.is_within(self.spare);
            if is_sent {
                self.spare -= one;
                self.told.add(now + WINDOW, one);
            }
            is_sent
        }
    }

    #[test]
    fn no_window_holds_more_than_the_limit_whenever_processes_write_stall_and_die() {
        for seed in 0..40 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut ledger, mut now, mut born) = (Ledger::default(), 1000, 0);
            let mut sent = Vec::new();
            let mut processes: Vec<(Process, u64)> = (0..4).map(|_| (Process::default(), 0)).collect();
            for _ in 0..6000 {
                now += random.u64(0..12);
                let (process, stalled_until) = &mut processes[random.usize(0..4)];
                if *stalled_until > now {
                    continue;
                }
                match random.u32(0..1000) {
                    0..5 => *process = Process::default(),
                    5..10 => *stalled_until = now + random.u64(0..3 * STALE),
                    10..100 => process.turn(&mut ledger, now, 0.0),
                    100..400 => process.turn(&mut ledger, now, random.f64().mul_add(4.0, 1.0).floor()),
                    _ if process.send(now) => sent.push(now),
                    _ => {}
                }
                if process.name.is_empty() {
                    born += 1;
                    process.name = format!("process {born}");
                }
            }
            let most = sent.iter().map(|at| sent.iter().filter(|one| (*at..at + WINDOW).contains(*one)).count()).max();
            assert!(most.unwrap() <= LIMIT, "{most:?} with seed {seed}");
            let possible = (now - 1000) as usize * LIMIT / WINDOW as usize;
            assert!(sent.len() * 10 > possible * 6, "{} of {possible} with seed {seed}", sent.len());
        }
    }

    #[test]
    fn what_a_process_held_that_is_not_heard_of_counts_as_used_and_is_not_its_own_any_more() {
        let (mut ledger, mut process) = (Ledger::default(), Process { name: "a".to_owned(), ..Process::default() });
        process.turn(&mut ledger, 1000, 10.0);
        assert_eq!(process.spare, Amounts([20.0, 0.0]));
        let mut other = Process { name: "b".to_owned(), ..Process::default() };
        other.turn(&mut ledger, 1000 + STALE + 1, 1.0);
        assert_eq!(ledger.used(), Amounts([20.0, 0.0]));
        process.turn(&mut ledger, 1000 + STALE + 2, 30.0);
        assert_eq!(process.spare, Amounts([38.0, 0.0]), "its 20 are gone, and the other one has 2");
        assert_eq!(ledger.used(), Amounts([20.0, 0.0]));
    }
}
