//! A ledger in a folder that many processes write, on any file system, without locks.
//!
//! Each version of the ledger is a folder with a number for its name, put in place by a rename. That fails where a folder
//! of that name is there and holds something, so that of all processes that went on from one version a single one writes
//! the next; the others read it and do their turn again. There is nothing to hold, so that a process that is killed or
//! stopped at any instant keeps nobody waiting.

use std::fs;
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::limits::ledger::Ledger;

/// Versions that stay behind the newest. Whoever writes one that far behind was stopped in between.
const KEPT: u64 = 16;
/// How often a turn is done again.
const ATTEMPTS: u32 = 400;
/// How old a folder is that was begun and never put in place.
const ABANDONED: Duration = Duration::from_secs(3600);
const FILE: &str = "ledger.json";
const BEGUN: &str = ".begun-";

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
            let (newest, mut ledger) = self.newest()?;
            let before = ledger.clone();
            let changed = change(&mut ledger);
            if ledger == before {
                return Ok(changed);
            }
            if self.put(newest + 1, &ledger)? {
                self.sweep(newest + 1);
                return Ok(changed);
            }
            let most = 1 + u64::from(attempt.min(20));
            std::thread::sleep(Duration::from_micros(fastrand::u64(0..most * 500)));
        }
        Err(Error::new(ErrorKind::TimedOut, "too many processes write it at once"))
    }

    /// Returns the number of the newest version and what it says. One that a power cut left without its text is passed over.
    pub(crate) fn newest(&self) -> std::io::Result<(u64, Ledger)> {
        'listed: for _ in 0..ATTEMPTS {
            let numbers = self.numbers()?;
            let Some(newest) = numbers.last().copied() else { return Ok((0, Ledger::default())) };
            for number in numbers.iter().rev() {
                match fs::read(self.version(*number).join(FILE)) {
                    Ok(text) => {
                        if let Ok(ledger) = serde_json::from_slice(&text) {
                            return Ok((newest, ledger));
                        }
                    }
                    // It was swept away behind newer ones.
                    Err(err) if err.kind() == ErrorKind::NotFound => continue 'listed,
                    Err(err) => return Err(err),
                }
            }
            return Ok((newest, Ledger::default()));
        }
        Err(Error::new(ErrorKind::NotFound, "its versions cannot be read"))
    }

    /// Puts a version in place, unless there is one.
    fn put(&self, number: u64, ledger: &Ledger) -> std::io::Result<bool> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unlike = format!("{}-{count}-{:08x}", std::process::id(), fastrand::u32(..));
        let begun = self.folder.join(format!("{BEGUN}{unlike}"));
        fs::create_dir(&begun)?;
        let written = self.write(&begun.join(FILE), ledger).and_then(|()| fs::rename(&begun, self.version(number)));
        if let Err(err) = written {
            let _ = fs::remove_dir_all(&begun);
            let is_there = matches!(err.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty);
            return if is_there { Ok(false) } else { Err(err) };
        }
        // This process may have been stopped for so long that the place of an old version was free again.
        let is_behind = self.numbers()?.last().is_some_and(|newest| *newest >= number + KEPT);
        if is_behind {
            let _ = fs::remove_dir_all(self.version(number));
        }
        Ok(!is_behind)
    }

    fn write(&self, path: &Path, ledger: &Ledger) -> std::io::Result<()> {
        let mut file = fs::File::create(path)?;
        file.write_all(&serde_json::to_vec(ledger)?)?;
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
