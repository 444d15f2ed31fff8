//! Two limits that hold together, in this process or over several.

use std::path::Path;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::Instant;

use crate::limits::amounts::{Amounts, Limits};
use crate::limits::ledger::{Answered, FOR_GOOD, Given, Turn, Used};
use crate::limits::share::{Hold, Pace, Share, millis};

/// In how many parts a window is told to other processes, and kept in this one.
const PARTS: (u64, u64) = (60, 1000);

/// For how long what was used counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) length: Duration,
    /// How much later a request may arrive than it was sent.
    pub(crate) slack: Duration,
}

/// What is limited, and what was taken of it.
#[derive(Debug)]
pub(crate) struct Account {
    /// `None` where what was used counts for good.
    window: Option<Window>,
    origin: (Instant, u64),
    state: Mutex<State>,
    freed: Notify,
    share: Option<Share>,
}

#[derive(Debug, Default)]
struct State {
    limits: Limits,
    /// What was used and counts; where it is shared, what was not told yet.
    used: Used,
    /// The requests among that whose cost is known, where it counts for good.
    answered: Answered,
    /// What is taken and not used yet.
    taken: Amounts,
    /// By how many.
    in_flight: u64,
    /// What all who wait need.
    wanted: Amounts,
    /// How many these are.
    waiting: u64,
    /// Whether it is settled what was spent before, where nothing is shared.
    is_charged: bool,
    hold: Hold,
    /// All that was ever used, as far as it is known.
    total: Amounts,
}

/// Why nothing was taken.
#[derive(Debug)]
pub(crate) enum Denied {
    /// It is all used, for good.
    Exhausted,
    /// The folder cannot be written or read.
    Broken(std::io::Error),
}

/// What keeps from taking.
enum Wait {
    /// Nothing more; it can be taken.
    No,
    /// Something is freed then, or earlier.
    For(Duration),
    /// Something is freed when a request ends.
    ForOthers,
    Never,
}

impl State {
    fn take(&mut self, amounts: Amounts) {
        self.taken += amounts;
        self.in_flight += u64::from(!amounts.is_zero());
    }
}

impl Account {
    /// Returns limits that hold in this process, or over all that name the same `folder`.
    pub(crate) fn open(limits: Limits, window: Option<Window>, folder: Option<&Path>) -> std::io::Result<Arc<Self>> {
        let pace = match window {
            Some(window) => {
                let tell = (window.length / 60).max(Duration::from_millis(10));
                Pace { tell, stale: (window.length / 3).max(Duration::from_secs(2)) }
            }
            None => Pace { tell: Duration::from_millis(500), stale: Duration::from_secs(20) },
        };
        let share = folder.map(|folder| Share::open(folder, window.is_none(), pace)).transpose()?;
        // Machines that share a folder have clocks of their own, and one of the file system.
        let now = share.as_ref().map_or_else(|| Ok(SystemTime::now()), Share::clock)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = Mutex::new(State { limits, ..State::default() });
        let origin = (Instant::now(), millis(now));
        Ok(Arc::new(Self { window, origin, state, freed: Notify::new(), share }))
    }

    /// Lets the stricter of the limits so far and of `limits` hold.
    pub(crate) fn restrict(&self, limits: Limits) {
        let mut state = self.lock();
        state.limits = state.limits.stricter(limits);
    }

    /// Returns all that was used, as far as it is known here.
    pub(crate) fn used(&self) -> Amounts {
        self.lock().total
    }

    /// Reads what other processes used so far.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<(), Denied> {
        let Some(share) = &self.share else { return Ok(()) };
        let turn = share.turn.clone().lock_owned().await;
        self.do_turn(turn, Amounts::default()).await
    }

    /// Counts what was spent before there was the folder, or before the first use where nothing is shared; returns
    /// whether it was counted now.
    pub(crate) async fn charge_earlier(self: &Arc<Self>, spent: Amounts) -> Result<bool, Denied> {
        if self.share.is_none() {
            let mut state = self.lock();
            let is_new = !state.is_charged && state.total.is_zero() && state.taken.is_zero();
            state.is_charged = true;
            if is_new {
                state.used.add(FOR_GOOD, spent);
                state.total += spent;
            }
            return Ok(is_new);
        }
        let account = self.clone();
        let charge = move || account.share.as_ref().map_or(Ok(false), |share| share.charge_earlier(spent));
        let charged = tokio::task::spawn_blocking(charge).await.unwrap_or_else(|err| Err(std::io::Error::other(err)));
        let charged = charged.map_err(Denied::Broken)?;
        self.look().await?;
        Ok(charged)
    }

    /// Takes amounts, waiting until they are there. Amounts beyond the limits of a window are cut to them.
    pub(crate) async fn take(self: &Arc<Self>, amounts: Amounts) -> Result<Taken, Denied> {
        let amounts = if self.window.is_some() { self.lock().limits.cut(amounts) } else { amounts };
        let mut waiting = None;
        loop {
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            let wait = match &self.share {
                None => self.try_take(amounts),
                Some(share) => self.try_share(share, amounts, waiting.is_some()).await?,
            };
            waiting.get_or_insert_with(|| Wanted::new(self, amounts));
            match wait {
                Wait::No => {
                    if let Some(share) = &self.share {
                        self.start_telling(share);
                    }
                    return Ok(Taken { account: self.clone(), amounts, counts: false });
                }
                Wait::Never => return Err(Denied::Exhausted),
                Wait::ForOthers => freed.await,
                // Whether something was freed or the time has come, it is retried.
                Wait::For(duration) => drop(tokio::time::timeout(duration, freed).await),
            }
        }
    }

    fn try_take(&self, amounts: Amounts) -> Wait {
        let now = self.now();
        let mut state = self.lock();
        state.used.expire(now);
        let free = state.limits.left(state.used.sum() + state.taken);
        if amounts.is_within(free) {
            state.take(amounts);
            return Wait::No;
        }
        match state.used.next() {
            Some(until) => Wait::For(Duration::from_millis(until - now)),
            None if state.taken.is_zero() => Wait::Never,
            None => Wait::ForOthers,
        }
    }

    /// Takes out of what this process holds, and asks for more where that does not do.
    async fn try_share(self: &Arc<Self>, share: &Share, amounts: Amounts, is_again: bool) -> Result<Wait, Denied> {
        // A budget has many that wait, of whom one asks for all.
        if self.take_spare(share, amounts) {
            return Ok(Wait::No);
        }
        let turn = share.turn.clone().lock_owned().await;
        if self.take_spare(share, amounts) {
            return Ok(Wait::No);
        }
        // One that wants no less has just asked in vain.
        let denied = self.lock().hold.denied.filter(|(least, _)| least.is_within(amounts));
        let left = denied.map(|(_, until)| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Ok(Wait::For(left));
        }
        let given = self.clone().turn(turn, amounts).await?;
        if self.take_spare(share, amounts) {
            return Ok(Wait::No);
        }
        let poll = share.pace.tell / 2;
        let freed = given.next.map_or(poll, |next| Duration::from_millis(next.saturating_sub(self.now()) + 1));
        // Whoever is alone with a budget has seen all of it; another process may be about to tell what it did not use.
        let mut state = self.lock();
        if self.window.is_none() && !given.others_hold && state.taken.is_zero() && is_again {
            return Ok(Wait::Never);
        }
        let wait = freed.min(poll);
        state.hold.denied = Some((amounts, Instant::now() + wait));
        Ok(Wait::For(wait))
    }

    fn take_spare(&self, share: &Share, amounts: Amounts) -> bool {
        let mut state = self.lock();
        let is_taken = state.hold.take(amounts, share.pace);
        if is_taken {
            state.take(amounts);
        }
        is_taken
    }

    async fn do_turn(self: &Arc<Self>, turn: OwnedMutexGuard<()>, need: Amounts) -> Result<(), Denied> {
        self.clone().turn(turn, need).await.map(drop)
    }

    /// Does a turn at the ledger, in a thread that may wait, and to its end even where nobody waits for it any more.
    async fn turn(self: Arc<Self>, one: OwnedMutexGuard<()>, need: Amounts) -> Result<Given, Denied> {
        let done = tokio::task::spawn_blocking(move || {
            let given = self.turn_now(need);
            drop(one);
            given
        });
        done.await.unwrap_or_else(|err| Err(std::io::Error::other(err))).map_err(Denied::Broken)
    }

    fn turn_now(&self, need: Amounts) -> std::io::Result<Given> {
        let Some(share) = &self.share else { return Err(std::io::Error::other("it is not shared")) };
        let (turn, limits) = self.begin_turn(need);
        let done = share.turn(|| self.now(), self.until(self.now()), limits, &turn);
        let mut state = self.lock();
        match &done {
            Ok(given) => {
                state.hold.spare = given.spare;
                state.hold.is_known = given.is_known;
                state.hold.written = Some(Instant::now());
                if self.window.is_none() {
                    state.total = given.used + state.used.sum();
                }
            }
            Err(_) => {
                state.used.add_all(&turn.told);
                state.answered.add_all(turn.answered);
                state.hold.spare = turn.spare;
            }
        }
        drop(state);
        self.freed.notify_waiters();
        done
    }

    /// Returns what is told and asked. What is spare and not expected to be used goes back with it.
    fn begin_turn(&self, need: Amounts) -> (Turn, Limits) {
        let mut state = self.lock();
        let (told, answered) = (std::mem::take(&mut state.used), std::mem::take(&mut state.answered));
        let requests = [state.in_flight, state.waiting.max(u64::from(!need.is_zero()))];
        let expected = if need.is_zero() && state.wanted.is_zero() {
            state.hold.expected()
        } else {
            state.wanted.most(need) + state.hold.expected()
        };
        // The rest goes back. None of it is taken while the turn lasts.
        let spare = std::mem::take(&mut state.hold.spare).least(expected.most(need));
        let ask = if need.is_zero() { Amounts::default() } else { expected - spare };
        let (taken, is_known) = (state.taken, state.hold.is_known);
        let turn = Turn { told, answered, taken, requests, spare, is_known, need, ask };
        (turn, state.limits)
    }

    /// Tells once a moment what was used, as long as there is something to tell.
    fn start_telling(self: &Arc<Self>, share: &Share) {
        if share.is_telling.swap(true, Ordering::Relaxed) {
            return;
        }
        let (account, pace) = (Arc::downgrade(self), share.pace);
        drop(tokio::spawn(async move {
            loop {
                tokio::time::sleep(pace.tell).await;
                if !Self::tell(&account, pace).await {
                    return;
                }
            }
        }));
    }

    /// Returns whether telling continues.
    async fn tell(account: &Weak<Self>, pace: Pace) -> bool {
        let Some(account) = account.upgrade() else { return false };
        let Some(share) = &account.share else { return false };
        let one = share.turn.clone().lock_owned().await;
        let (is_needed, is_idle) = {
            let mut state = account.lock();
            let is_idle = state.taken.is_zero() && state.wanted.is_zero();
            let is_old = state.hold.written.is_none_or(|written| written.elapsed() > pace.stale / 8);
            let news = !state.used.is_empty() || !state.hold.spare.is_zero();
            state.hold.next_period();
            (news || (state.hold.is_known && (is_old || is_idle)), is_idle)
        };
        if !is_needed && is_idle {
            // Whoever takes something next starts it again.
            share.is_telling.store(false, Ordering::Relaxed);
            return false;
        }
        if is_needed && let Err(Denied::Broken(err)) = account.do_turn(one, Amounts::default()).await {
            tracing::debug!("the shared limits could not be written: {err}");
        }
        true
    }

    /// Puts right what was taken: so much of it is used, and counts from `now` on.
    fn settle(&self, taken: Amounts, used: Amounts) {
        let until = self.until(self.now());
        let mut state = self.lock();
        state.taken -= taken;
        state.in_flight = state.in_flight.saturating_sub(1);
        if !used.is_zero() {
            state.used.add(until, used);
            state.total += used;
        }
        drop(state);
        self.freed.notify_waiters();
    }

    /// Returns until when what is used now counts.
    fn until(&self, now: u64) -> u64 {
        let Some(window) = self.window else { return FOR_GOOD };
        let parts = if self.share.is_some() { PARTS.0 } else { PARTS.1 };
        let part = (millis(window.length) / parts).max(1);
        (now + millis(window.length + window.slack)).div_ceil(part) * part
    }

    /// Returns milliseconds since 1970, which never go back.
    fn now(&self) -> u64 {
        let (start, at) = self.origin;
        at + millis(start.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one request waits for.
struct Wanted<'a> {
    account: &'a Account,
    amounts: Amounts,
}

impl<'a> Wanted<'a> {
    fn new(account: &'a Account, amounts: Amounts) -> Self {
        let mut state = account.lock();
        state.wanted += amounts;
        state.waiting += 1;
        drop(state);
        Self { account, amounts }
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        let mut state = self.account.lock();
        state.wanted -= self.amounts;
        state.waiting = state.waiting.saturating_sub(1);
    }
}

/// Amounts that were taken.
#[derive(Debug)]
pub(crate) struct Taken {
    account: Arc<Account>,
    amounts: Amounts,
    /// Whether what is dropped counts as used.
    counts: bool,
}

impl Taken {
    /// Returns the first amount on its own; the second stays.
    pub(crate) fn split(&mut self) -> Self {
        let Amounts([first, second]) = self.amounts;
        self.amounts = Amounts([0.0, second]);
        Self { account: self.account.clone(), amounts: Amounts([first, 0.0]), counts: self.counts }
    }

    /// Returns it as what counts as used when it is dropped, as a request that was sent does.
    pub(crate) fn counting(mut self) -> Self {
        self.counts = true;
        self
    }

    /// Counts `used` as used from now on, and gives the rest back.
    pub(crate) fn settle(mut self, used: Amounts) {
        let taken = std::mem::take(&mut self.amounts);
        if self.account.window.is_none() && !used.is_zero() {
            self.account.lock().answered.add(used);
        }
        self.account.settle(taken, used);
    }

    pub(crate) fn amounts(&self) -> Amounts {
        self.amounts
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.amounts.is_zero() {
            self.account.settle(self.amounts, if self.counts { self.amounts } else { Amounts::default() });
        }
    }
}
