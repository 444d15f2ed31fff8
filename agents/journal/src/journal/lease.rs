//! Leases: who works on what. A lease is a file that one process at a time can hold, on any file system.
//!
//! No lock of the kernel is used, which a network file system may not keep. Whoever creates the file holds the lease,
//! and touches it from time to time. A lease is taken over when its process has ended, which can be told on one
//! machine, or when no one has touched it for a while.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW};

use crate::files::{read_text, write_whole};
use crate::owner::Owner;

/// How often a lease that is held is touched.
const TOUCH: Duration = Duration::from_secs(15);
/// For how long a lease counts that is not touched.
const STALE: Duration = Duration::from_secs(120);
/// How often it is looked whether a lease is free.
const POLL: Duration = Duration::from_millis(50);
/// How often at least while something takes long.
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// The right to work on something, as long as this value lives.
#[derive(Debug)]
pub struct Lease {
    held: Arc<Held>,
}

/// A lease that this process holds: where it is, and what it says.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// Tells it from any other at the same place.
    text: String,
}

impl Held {
    /// Returns whether no one has taken the lease away.
    fn is_ours(&self) -> bool {
        read_text(&self.path).ok().flatten().as_deref() == Some(&self.text)
    }
}

impl Lease {
    /// Takes a lease; `None` when another process or another part of this one holds it.
    pub fn take(path: &Path) -> anyhow::Result<Option<Self>> {
        let cannot = || format!("cannot take the lease `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot)?;
        }
        let text = text();
        loop {
            match create(path, &text) {
                Ok(()) => return Ok(Some(Self::held(path, text))),
                Err(err) if err.kind() != ErrorKind::AlreadyExists => return Err(err).with_context(cannot),
                Err(_) if is_free(path) => {}
                Err(_) => return Ok(None),
            }
            if take_over(path, &text)? {
                return Ok(Some(Self::held(path, text)));
            }
        }
    }

    /// Waits until a lease is free and takes it.
    pub async fn wait<F: Future<Output = ()>>(path: &Path, pause: impl Fn(Duration) -> F) -> anyhow::Result<Self> {
        let mut wait = POLL;
        loop {
            if let Some(lease) = Self::take(path)? {
                return Ok(lease);
            }
            pause(wait).await;
            wait = (wait * 2).min(LONGEST_POLL);
        }
    }

    /// Waits at most so long, and blocks meanwhile; `None` when it is not free by then.
    pub(crate) fn wait_at_most(path: &Path, most: Duration) -> anyhow::Result<Option<Self>> {
        let begun = Instant::now();
        loop {
            if let Some(lease) = Self::take(path)? {
                return Ok(Some(lease));
            }
            if begun.elapsed() >= most {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits as [`Lease::wait`] does, and blocks meanwhile; for what is held for a moment.
    pub fn wait_blocking(path: &Path) -> anyhow::Result<Self> {
        loop {
            if let Some(lease) = Self::wait_at_most(path, LONGEST_POLL)? {
                return Ok(lease);
            }
        }
    }

    fn held(path: &Path, text: String) -> Self {
        let held = Arc::new(Held { path: path.to_owned(), text });
        KEEPER.keep(&held);
        Self { held }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // One that another process has taken over meanwhile is its own. One that stays is free once this process has
        // ended.
        if self.held.is_ours() {
            let _ = fs::remove_file(&self.held.path);
        }
    }
}

/// Who holds a lease, as its file says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holder {
    pub(crate) owner: Owner,
    /// When it was taken, where the file system tells.
    pub(crate) taken: Option<SystemTime>,
}

/// Returns who holds a lease; `None` when it is free, or no one has written a word into it yet. Nothing is written.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    let owner = Owner::parse(read_text(path).ok()??.lines().next()?)?;
    let metadata = fs::metadata(path).ok()?;
    let age = metadata.modified().ok().and_then(|touched| SystemTime::now().duration_since(touched).ok());
    let is_free = if owner.is_here() { owner.has_ended() } else { age.is_some_and(|age| age > STALE) };
    (!is_free).then(|| Holder { owner, taken: metadata.created().ok() })
}

/// Returns what a lease of this process says, which is never the same twice.
fn text() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}\n{}\n", Owner::this(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    fill(file, path, text)
}

/// Writes what a lease says. One without a word, as a full disk leaves it, would count as held.
fn fill(mut file: File, path: &Path, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes()).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Returns whether the holder of a lease has ended or has not touched it for long.
fn is_free(path: &Path) -> bool {
    let Ok(Some(text)) = read_text(path) else { return false };
    match text.lines().next().and_then(Owner::parse) {
        // However long a process of this machine has been stopped, it may continue.
        Some(owner) if owner.is_here() => owner.has_ended(),
        // Without a word, it was created a moment ago, or by a process that was killed then.
        _ => is_stale(path),
    }
}

fn is_stale(path: &Path) -> bool {
    let Ok(touched) = fs::metadata(path).and_then(|metadata| metadata.modified()) else { return false };
    let is_old = |now: SystemTime| now.duration_since(touched).is_ok_and(|age| age > STALE);
    // The clock of the file system is asked only where this one says so, as it takes a file to ask.
    is_old(SystemTime::now()) && is_old(now_at(path))
}

/// Returns the time by the clock of the file system, which may be another machine's.
fn now_at(path: &Path) -> SystemTime {
    let mut probe = path.as_os_str().to_owned();
    probe.push(format!(".{}.probe", std::process::id()));
    let made = File::create(&probe).and_then(|file| file.metadata()?.modified());
    let _ = fs::remove_file(&probe);
    made.unwrap_or_else(|_| SystemTime::now())
}

/// Takes over a lease that is free; returns whether it is ours. Of several that try, one does.
fn take_over(path: &Path, text: &str) -> anyhow::Result<bool> {
    let mut taking = path.as_os_str().to_owned();
    taking.push(".taking");
    let taking = PathBuf::from(taking);
    let cannot = || format!("cannot take over the lease `{}`, whose holder has ended", path.display());
    match create(&taking, text) {
        Ok(()) => {}
        // Another process is at it, or was killed at it.
        Err(err) if err.kind() == ErrorKind::AlreadyExists => {
            let removed = if is_free(&taking) { fs::remove_file(&taking) } else { Ok(()) };
            if let Err(err) = removed.or_else(unless_missing) {
                return Err(err).with_context(cannot);
            }
            std::thread::sleep(Duration::from_millis(1));
            return Ok(false);
        }
        // Where the folder cannot be written, waiting does not help.
        Err(err) => return Err(err).with_context(cannot),
    }
    // Someone may have taken it over since it was found to be free.
    let taken = if is_free(path) { write_whole(path, text.as_bytes()).map(|()| true) } else { Ok(false) };
    let _ = fs::remove_file(&taking);
    taken
}

fn unless_missing(err: std::io::Error) -> std::io::Result<()> {
    if err.kind() == ErrorKind::NotFound { Ok(()) } else { Err(err) }
}

/// Sets the time of a file to now, by the clock of the file system: this machine's may differ from the others' by minutes.
fn touch(file: &File) -> std::io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access: now, last_modification: now })?)
}

/// Touches the leases that this process holds. A process has one, as it has one clock.
static KEEPER: Keeper = Keeper::new(TOUCH);

struct Keeper {
    kept: Mutex<Kept>,
    /// How often it touches them.
    every: Duration,
}

struct Kept {
    leases: Vec<Weak<Held>>,
    /// Whether there is a thread that touches them.
    is_running: bool,
}

impl Keeper {
    const fn new(every: Duration) -> Self {
        Self { kept: Mutex::new(Kept { leases: Vec::new(), is_running: false }), every }
    }

    /// Keeps a lease until it is dropped.
    fn keep(&'static self, lease: &Arc<Held>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.leases.retain(|lease| lease.strong_count() > 0);
        kept.leases.push(Arc::downgrade(lease));
        if !kept.is_running {
            let started = std::thread::Builder::new().name("leases".to_owned()).spawn(|| self.touch());
            kept.is_running = started.is_ok();
            if let Err(err) = started {
                tracing::warn!("leases are not kept beyond {} s: {err}", STALE.as_secs());
            }
        }
    }

    /// Touches what is held until nothing is.
    fn touch(&self) {
        loop {
            std::thread::sleep(self.every);
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.leases.retain(|lease| lease.strong_count() > 0);
            if kept.leases.is_empty() {
                kept.is_running = false;
                return;
            }
            for lease in kept.leases.iter().filter_map(Weak::upgrade).filter(|lease| lease.is_ours()) {
                // Where it is gone, someone has taken it away by hand.
                let _ = File::options().append(true).open(&lease.path).and_then(|file| touch(&file));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_by_one_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leases/item");
        let lease = Lease::take(&path).unwrap().unwrap();
        assert!(Lease::take(&path).unwrap().is_none());
        drop(lease);
        assert!(Lease::take(&path).unwrap().is_some());
    }

    #[test]
    fn the_lease_of_a_process_that_has_ended_is_taken_over_by_one_of_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("item");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = child.id();
        child.wait().unwrap();
        let machine = Owner::this().to_string();
        let machine = machine.rsplitn(3, ' ').nth(2).unwrap();
        for _ in 0..50 {
            fs::write(&path, format!("{machine} {id} 1\n0\n")).unwrap();
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    let path = path.clone();
                    std::thread::spawn(move || Lease::take(&path).unwrap())
                })
                .collect();
            let taken: Vec<_> = takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect();
            assert_eq!(taken.len(), 1);
        }
    }

    #[test]
    fn a_lease_that_was_taken_away_is_left_to_its_holder_and_a_living_process_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("item");
        let lease = Lease::take(&path).unwrap().unwrap();
        // However old it looks.
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - STALE - Duration::from_secs(5)).unwrap();
        assert!(Lease::take(&path).unwrap().is_none());
        fs::write(&path, "elsewhere 1 1\n7\n").unwrap();
        drop(lease);
        assert!(path.exists());
    }

    #[test]
    fn a_lease_whose_holder_has_ended_in_a_folder_that_takes_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        // There is room for the lease's own name, and for none that is longer.
        let path = folder.path().join("x".repeat(255));
        fs::write(&path, "elsewhere 1 1").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - STALE - Duration::from_secs(5)).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(Lease::take(&path)));
        let taken = receiver.recv_timeout(Duration::from_secs(20)).expect("it is not waited for");
        let err = format!("{:#}", taken.unwrap_err());
        assert!(err.contains("cannot take over the lease") && err.contains("too long"), "{err}");
    }

    #[test]
    fn a_lease_that_could_not_be_written_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("item");
        fs::write(&path, "").unwrap();
        // A file that is open for reading takes no more than one on a full disk.
        assert!(fill(File::open(&path).unwrap(), &path, "text").is_err());
        assert!(!path.exists());
    }

    /// Sets when a lease was last touched to a time long ago.
    fn age(path: &Path) {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn all_leases_are_touched_while_they_are_held_and_taken_away_by_no_one() {
        let folder = tempfile::tempdir().unwrap();
        let keeper: &Keeper = Box::leak(Box::new(Keeper::new(Duration::from_millis(5))));
        let held = |name: &str| {
            let held = Arc::new(Held { path: folder.path().join(name), text: name.to_owned() });
            fs::write(&held.path, name).unwrap();
            keeper.keep(&held);
            held
        };
        let is_touched = |held: &Held| fs::metadata(&held.path).unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH;
        let touches = |held: &Held| {
            age(&held.path);
            (0..1000).any(|_| {
                std::thread::sleep(Duration::from_millis(5));
                is_touched(held)
            })
        };
        // The thread ends when there is nothing to touch, and there is another one for what comes later.
        for _ in 0..2 {
            let (one, other) = (held("one"), held("other"));
            assert!(touches(&one) && touches(&other));
            drop(one);
            assert!(touches(&other));
            fs::write(&other.path, "of another process").unwrap();
            assert!(!{
                age(&other.path);
                std::thread::sleep(Duration::from_millis(100));
                is_touched(&other)
            });
            drop(other);
            let is_idle = || !keeper.kept.lock().unwrap().is_running;
            assert!((0..1000).any(|_| {
                std::thread::sleep(Duration::from_millis(5));
                is_idle()
            }));
        }
    }

    #[test]
    fn a_lease_is_touched_well_before_it_counts_as_stale() {
        assert!(4 * TOUCH <= STALE && POLL < TOUCH);
    }

    #[test]
    fn a_touch_is_of_now_by_the_clock_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("item");
        fs::write(&path, "").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        assert!(is_stale(&path));
        touch(&file).unwrap();
        let fresh = folder.path().join("fresh");
        fs::write(&fresh, "").unwrap();
        let [touched, fresh] = [&path, &fresh].map(|path| fs::metadata(path).unwrap().modified().unwrap());
        assert!(touched <= fresh && !is_stale(&path), "{touched:?} {fresh:?}");
    }

    #[test]
    fn a_lease_of_another_machine_counts_while_it_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("item");
        fs::write(&path, "elsewhere 1 1").unwrap();
        assert!(Lease::take(&path).unwrap().is_none());
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - STALE - Duration::from_secs(5)).unwrap();
        assert!(Lease::take(&path).unwrap().is_some());
    }
}
