//! A ledger in a folder that many processes write, on any file system, without locks.
//!
//! Each version of the ledger is a folder with a number for its name, put in place by a rename. That fails where a
//! folder of that name is there and holds something, so that of all processes that continued from one version a single
//! one writes the next; the others read it and do their turn again. There is nothing to hold, so that a process that is
//! killed or stopped at any instant keeps nobody waiting.

use std::fs;
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::limits::ledger::Ledger;

/// Versions that stay behind the newest. Whoever writes one that far behind was stopped in between.
const KEPT: u64 = 16;
/// Writers that a version names: of itself and of those before it.
const NAMED: usize = 64;
/// How often a turn is done again.
const ATTEMPTS: u32 = 400;
/// How old a folder is that was begun and never put in place.
const ABANDONED: Duration = Duration::from_secs(3600);
const FILE: &str = "ledger.json";
const BEGUN: &str = ".begun-";

/// Who wrote a version, and those before it, the last at the end.
#[derive(Deserialize)]
struct Writers {
    writers: Vec<String>,
}

/// The versions of a ledger.
#[derive(Debug)]
pub(crate) struct Chain {
    folder: PathBuf,
    /// Whether a version must outlast a power cut.
    is_durable: bool,
}

impl Chain {
    /// Opens the ledger of a folder, which need not be there.
    pub(crate) fn open(folder: &Path, is_durable: bool) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let chain = Self { folder: folder.to_owned(), is_durable };
        for entry in fs::read_dir(folder)?.flatten() {
            let age = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = age.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED));
            if is_old && entry.file_name().to_string_lossy().starts_with(BEGUN) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(chain)
    }

    /// Writes a version that `change` makes of the newest one; `change` is done again where another process was first.
    pub(crate) fn update<T>(&self, change: impl Fn(&mut Ledger) -> T) -> std::io::Result<T> {
        for attempt in 0..ATTEMPTS {
            let (newest, mut ledger, writers) = self.newest()?;
            let before = ledger.clone();
            let changed = change(&mut ledger);
            if ledger == before {
                return Ok(changed);
            }
            if self.put(newest + 1, &ledger, writers)? {
                self.sweep(newest + 1);
                return Ok(changed);
            }
            let most = 1 + u64::from(attempt.min(20));
            std::thread::sleep(Duration::from_micros(fastrand::u64(0..most * 500)));
        }
        Err(Error::new(ErrorKind::TimedOut, "too many processes write it at once"))
    }

    /// Returns the number of the newest version, what it says, and who wrote it and those before it. One that a power cut
    /// left without its text, or without its file, is skipped.
    fn newest(&self) -> std::io::Result<(u64, Ledger, Vec<String>)> {
        let mut listed = None;
        'listed: for _ in 0..ATTEMPTS {
            let numbers = self.numbers()?;
            let Some(newest) = numbers.last().copied() else { return Ok((0, Ledger::default(), Vec::new())) };
            // Where none is newer than before, what is missing was not swept away.
            let is_still = listed.replace(newest) == Some(newest);
            for number in numbers.iter().rev() {
                match fs::read(self.version(*number).join(FILE)) {
                    Ok(text) => {
                        if let Ok(ledger) = serde_json::from_slice(&text) {
                            let writers = serde_json::from_slice(&text).map(|Writers { writers }| writers);
                            return Ok((newest, ledger, writers.unwrap_or_default()));
                        }
                    }
                    Err(err) if err.kind() == ErrorKind::NotFound && is_still => {}
                    // It was swept away behind newer ones.
                    Err(err) if err.kind() == ErrorKind::NotFound => continue 'listed,
                    Err(err) => return Err(err),
                }
            }
            return Ok((newest, Ledger::default(), Vec::new()));
        }
        Err(Error::new(ErrorKind::NotFound, "its versions cannot be read"))
    }

    /// Returns the time by the clock of the file system, which all see alike whatever their own clocks say.
    pub(crate) fn clock(&self) -> std::io::Result<SystemTime> {
        let probe = self.folder.join(format!("{BEGUN}clock-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        fs::create_dir(&probe)?;
        let made = fs::metadata(&probe).and_then(|metadata| metadata.modified());
        let _ = fs::remove_dir(&probe);
        made
    }

    /// Puts a version in place, unless there is one.
    fn put(&self, number: u64, ledger: &Ledger, mut writers: Vec<String>) -> std::io::Result<bool> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unlike = format!("{}-{count}-{:08x}", std::process::id(), fastrand::u32(..));
        let begun = self.folder.join(format!("{BEGUN}{unlike}"));
        fs::create_dir(&begun)?;
        writers.push(unlike.clone());
        writers.drain(..writers.len().saturating_sub(NAMED));
        let written =
            self.write(&begun.join(FILE), ledger, writers).and_then(|()| fs::rename(&begun, self.version(number)));
        if let Err(err) = written {
            let _ = fs::remove_dir_all(&begun);
            let is_there = matches!(err.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty);
            return if is_there { Ok(false) } else { Err(err) };
        }
        let counts = self.counts(number, &unlike)?;
        if !counts {
            let _ = fs::remove_dir_all(self.version(number));
        }
        Ok(counts)
    }

    /// Returns whether the newest version continues from the one that a writer has just put in place. The writer may
    /// have been stopped before that for so long that the place of an old version was free again, or right after it.
    fn counts(&self, number: u64, writer: &str) -> std::io::Result<bool> {
        let is_behind = self.numbers()?.last().is_some_and(|newest| *newest >= number + KEPT);
        Ok(!is_behind || self.newest()?.2.iter().any(|named| named == writer))
    }

    fn write(&self, path: &Path, ledger: &Ledger, writers: Vec<String>) -> std::io::Result<()> {
        let mut file = fs::File::create(path)?;
        let mut version = serde_json::to_value(ledger)?;
        if let Some(fields) = version.as_object_mut() {
            fields.insert("writers".to_owned(), writers.into());
        }
        file.write_all(&serde_json::to_vec(&version)?)?;
        if self.is_durable { file.sync_all() } else { Ok(()) }
    }

    fn sweep(&self, newest: u64) {
        let old = self.numbers().unwrap_or_default().into_iter().filter(|number| number + KEPT < newest);
        for number in old {
            let _ = fs::remove_dir_all(self.version(number));
        }
    }

    /// Returns the numbers of the versions, the oldest first.
    fn numbers(&self) -> std::io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn version(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::amounts::{Amounts, Limits};
    use crate::limits::ledger::{FOR_GOOD, Turn, Used};

    /// Tells of one more use.
    fn tell(chain: &Chain) {
        let mut told = Used::default();
        told.add(FOR_GOOD, Amounts([1.0, 10.0]));
        let turn = Turn { told, ..Turn::default() };
        chain.update(|ledger| ledger.turn("me", 0, Limits::default(), &turn)).unwrap();
    }

    fn used(chain: &Chain) -> f64 {
        chain.newest().unwrap().1.used().0[0]
    }

    #[test]
    fn what_many_write_at_once_is_all_there_and_old_versions_go() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let chain = Chain::open(folder.path(), false).unwrap();
                    (0..40).for_each(|_| tell(&chain));
                });
            }
        });
        let chain = Chain::open(folder.path(), false).unwrap();
        assert_eq!(used(&chain), 320.0);
        let left = fs::read_dir(folder.path()).unwrap().count() as u64;
        assert!(left <= KEPT + 9, "{left} versions");
    }

    #[test]
    fn a_version_that_a_power_cut_left_without_its_text_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::open(folder.path(), true).unwrap();
        (0..3).for_each(|_| tell(&chain));
        fs::write(folder.path().join("3").join(FILE), "").unwrap();
        assert_eq!(used(&chain), 2.0);
        tell(&chain);
        assert_eq!((chain.newest().unwrap().0, used(&chain)), (4, 3.0));
    }

    #[test]
    fn a_version_without_its_file_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::open(folder.path(), true).unwrap();
        (0..3).for_each(|_| tell(&chain));
        fs::remove_file(folder.path().join("3").join(FILE)).unwrap();
        assert_eq!(used(&chain), 2.0);
        tell(&chain);
        assert_eq!((chain.newest().unwrap().0, used(&chain)), (4, 3.0));
    }

    #[test]
    fn the_clock_is_that_of_the_file_system_and_asking_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::open(folder.path(), false).unwrap();
        let apart = |one: SystemTime, other| one.duration_since(other).unwrap_or_else(|err| err.duration());
        assert!(apart(chain.clock().unwrap(), SystemTime::now()) < Duration::from_secs(10));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_writer_that_was_stopped_for_long_does_not_count_where_others_went_on() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::open(folder.path(), false).unwrap();
        (0..KEPT + 5).for_each(|_| tell(&chain));
        // The place behind the version that it had read is free again.
        assert!(!folder.path().join("2").exists());
        assert!(!chain.put(2, &Ledger::default(), Vec::new()).unwrap());
        assert_eq!(used(&chain), (KEPT + 5) as f64);
    }

    #[test]
    fn a_writer_that_was_overtaken_counts_where_others_continued_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::open(folder.path(), false).unwrap();
        (0..3).for_each(|_| tell(&chain));
        let writer = chain.newest().unwrap().2.pop().unwrap();
        (0..KEPT + 5).for_each(|_| tell(&chain));
        assert!(!folder.path().join("3").exists());
        assert!(chain.counts(3, &writer).unwrap());
        assert!(!chain.counts(3, "another").unwrap());
    }
}
