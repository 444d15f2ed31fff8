//! What was used of a limit, and which process holds how much of it.
//!
//! A process that is not heard of any more has lost its requests in flight, and no one knows what they cost. In a window what
//! it held counts as used, for as long as the window is. What counts for good would be eaten up by kills that way, as a
//! request is reserved at the most that it may cost: there each of its requests counts as what a request of this ledger has
//! cost on average so far, all together at most as what was held. The average of later requests puts that right, so that
//! also those count fairly that were lost before the first answer.

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
    /// Requests whose cost is known.
    #[serde(default, skip_serializing_if = "Answered::is_empty")]
    answered: Answered,
    /// What processes held that an earlier version no longer heard of, where it counts for good.
    #[serde(default, skip_serializing_if = "Lost::is_empty")]
    lost: Lost,
    /// The same, by process: one that was only stopped for a while tells itself what came of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    silent: BTreeMap<String, Lost>,
    /// Whether it is settled what was spent before there was this ledger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_charged: bool,
}

/// Requests whose cost is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    count: u64,
    sum: Amounts,
}

impl Answered {
    pub(crate) fn add(&mut self, amounts: Amounts) {
        self.add_all(Self { count: 1, sum: amounts });
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What was lost with a process that is not heard of any more, or with several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Lost {
    held: Amounts,
    requests: u64,
}

impl Lost {
    fn is_empty(&self) -> bool {
        self.held.is_zero()
    }

    fn and(self, other: &Self) -> Self {
        Self { held: self.held + other.held, requests: self.requests + other.requests }
    }
}

/// What a process holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Holder {
    /// What it may use, or has used and not told yet.
    held: Amounts,
    /// Its requests in flight.
    #[serde(default)]
    requests: u64,
    /// When it last wrote, in milliseconds since 1970.
    seen: u64,
    /// Whether it wants more than it holds.
    wants: bool,
}

/// What a process tells and asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn {
    /// What it used since the last time.
    pub(crate) told: Used,
    /// The requests among that whose cost is known, where it counts for good.
    pub(crate) answered: Answered,
    /// What it has in use.
    pub(crate) taken: Amounts,
    /// The requests that have it in use, and those that wait for more.
    pub(crate) requests: [u64; 2],
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
    /// Forgets what no longer counts. What a process holds that was not heard of since `stale` counts until `until`, since
    /// it may have been used.
    pub(crate) fn expire(&mut self, now: u64, stale: u64, until: u64) {
        self.used.expire(now);
        let Self { used, holders, silent, .. } = self;
        holders.retain(|name, holder| {
            let is_alive = holder.seen.saturating_add(stale) >= now;
            if is_alive || holder.held.is_zero() {
            } else if until == FOR_GOOD {
                silent.insert(name.clone(), Lost { held: holder.held, requests: holder.requests });
            } else {
                used.add(until, holder.held);
            }
            is_alive
        });
    }

    /// Returns what was used and counts, with what was lost.
    fn sum(&self) -> Amounts {
        let Lost { held, requests } = self.silent.values().fold(self.lost, Lost::and);
        let Answered { count, sum } = self.answered;
        let lost = if count == 0 { held } else { held.least(sum.times(requests as f64 / count as f64)) };
        self.used.sum() + lost
    }

    /// Counts what was spent before there was this ledger, once; returns whether it was counted now. Where anything was
    /// used already, the ledger has been there.
    pub(crate) fn charge_earlier(&mut self, spent: Amounts) -> bool {
        let is_without = self.holders.is_empty() && self.lost.is_empty() && self.silent.is_empty();
        let is_new = !self.is_charged && self.used.is_empty() && is_without;
        self.is_charged = true;
        if is_new && !spent.is_zero() {
            self.used.add(FOR_GOOD, spent);
        }
        is_new
    }

    /// Takes what a process tells, and gives what it asks for as far as there is. A process that is known and stands here no
    /// longer was given up: what it had to spare counts as used, or may be another's by now; what it has in use it tells.
    pub(crate) fn turn(&mut self, me: &str, now: u64, limits: Limits, turn: &Turn) -> Given {
        self.used.add_all(&turn.told);
        self.answered.add_all(turn.answered);
        let is_void = turn.is_known && self.holders.remove(me).is_none();
        self.holders.remove(me);
        self.silent.remove(me);
        let spare = if is_void { Amounts::default() } else { turn.spare };
        let others = self.holders.values().fold(Amounts::default(), |sum, holder| sum + holder.held);
        let hungry = 1 + self.holders.values().filter(|holder| holder.wants).count();
        let free = limits.left(self.sum() + others + turn.taken + spare);
        let lacks = turn.need - spare;
        // All that the next request needs, or nothing: parts of it in the hands of two would stop both.
        let (spare, wants) = if !lacks.is_within(free) {
            (Amounts::default(), !turn.need.is_zero())
        } else {
            let grant = lacks.most(turn.ask.least(free.divided(hungry)));
            (spare + grant, !turn.ask.is_within(grant))
        };
        let held = turn.taken + spare;
        if wants || !held.is_zero() {
            let [in_flight, waiting] = turn.requests;
            let requests = if spare.is_zero() { in_flight } else { in_flight + waiting };
            self.holders.insert(me.to_owned(), Holder { held, requests, seen: now, wants });
        }
        let is_known = self.holders.contains_key(me);
        let (next, used) = (self.used.next(), self.sum());
        Given { spare, is_known, next, others_hold: !others.is_zero(), used }
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> Amounts {
        self.sum()
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
            let turn = Turn { told, spare, is_known, need, ask, ..Turn::default() };
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

    /// Returns the turn of a process with so many requests in flight, each of which may cost 1.
    fn in_flight(requests: u64) -> Turn {
        Turn { taken: Amounts([requests as f64, 0.0]), requests: [requests, 0], ..Turn::default() }
    }

    #[test]
    fn kills_cost_what_requests_cost_on_average_and_not_what_was_reserved() {
        let limits = Limits([Some(100.0), None]);
        let mut ledger = Ledger::default();
        // The first is killed before anything was answered.
        ledger.turn("process 0", 0, limits, &in_flight(4));
        ledger.expire(STALE + 1, STALE, FOR_GOOD);
        assert_eq!(ledger.used(), Amounts([4.0, 0.0]), "nothing better is known");
        let (mut now, mut billed) = (STALE + 1, 0.0);
        for kill in 1..20 {
            let name = format!("process {kill}");
            let mut turn = in_flight(4);
            for _ in 0..10 {
                billed += 0.1;
                turn.told.add(FOR_GOOD, Amounts([0.1, 0.0]));
                turn.answered.add(Amounts([0.1, 0.0]));
            }
            ledger.turn(&name, now, limits, &turn);
            now += STALE + 1;
            ledger.expire(now, STALE, FOR_GOOD);
        }
        let Amounts([used, _]) = ledger.used();
        assert!((used - (billed + 20.0 * 4.0 * 0.1)).abs() < 1e-6, "{used} with {billed} billed");
        // What is written is read back the same.
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }

    #[test]
    fn a_process_that_was_only_stopped_for_a_while_is_charged_for_its_requests_once() {
        let mut ledger = Ledger::default();
        ledger.turn("a", 0, Limits::default(), &in_flight(4));
        ledger.expire(STALE + 1, STALE, FOR_GOOD);
        assert_eq!(ledger.used(), Amounts([4.0, 0.0]));
        // It goes on, and its requests are answered.
        let mut turn = Turn { is_known: true, ..Turn::default() };
        for _ in 0..4 {
            turn.told.add(FOR_GOOD, Amounts([0.5, 0.0]));
            turn.answered.add(Amounts([0.5, 0.0]));
        }
        ledger.turn("a", STALE + 2, Limits::default(), &turn);
        assert_eq!(ledger.used(), Amounts([2.0, 0.0]));
    }

    #[test]
    fn a_lost_request_counts_as_no_more_than_was_held_for_it() {
        let mut ledger = Ledger::default();
        let mut turn = in_flight(2);
        turn.told.add(FOR_GOOD, Amounts([50.0, 0.0]));
        turn.answered.add(Amounts([50.0, 0.0]));
        ledger.turn("a", 0, Limits::default(), &turn);
        ledger.expire(STALE + 1, STALE, FOR_GOOD);
        assert_eq!(ledger.used(), Amounts([52.0, 0.0]));
    }
}
