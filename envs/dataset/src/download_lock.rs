//! A file that keeps two processes from downloading the same file at the same time.
//!
//! Whoever creates it downloads and writes to it now and then; the others wait until it goes, or stays as it is for too
//! long. It needs no lock of the file system, which one of a network may not keep, and spares a second download, no
//! more: what is downloaded has a name of its own until it is whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between two looks of those who wait.
const PAUSE: Duration = Duration::from_millis(100);
/// Least time between two signs of life.
const BEAT: Duration = Duration::from_secs(1);

/// The right to download a file. It ends when it is dropped.
pub(crate) struct DownloadLock {
    path: PathBuf,
    last: Instant,
}

impl DownloadLock {
    /// Waits until no one downloads `file`; `None` once it is there. A lock that shows no life for `patience` counts
    /// for nothing: its process has ended.
    pub(crate) async fn wait(file: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let path = file.with_extension("lock");
        let (mut seen, mut since) = (None, Instant::now());
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(opened) => {
                    let lock = Self { path, last: Instant::now() };
                    sign(opened)?;
                    // Whoever had it before may have come to an end.
                    return Ok((!file.exists()).then_some(lock));
                }
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
                Err(err) => return Err(err),
            }
            let now = fs::read(&path).ok();
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > patience {
                // Another who waits may have done so.
                let _ = fs::remove_file(&path);
                since = Instant::now();
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows that the download continues.
    pub(crate) fn beat(&mut self) {
        if self.last.elapsed() > BEAT {
            self.last = Instant::now();
            // One that is gone was taken for dead: the file is then downloaded twice.
            let _ = OpenOptions::new().write(true).truncate(true).open(&self.path).and_then(sign);
        }
    }
}

impl Drop for DownloadLock {
    fn drop(&mut self) {
        // It may have been taken for dead.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes what no one has written before.
fn sign(mut file: fs::File) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    write!(file, "{} {}", std::process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_downloads_and_the_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blob");
        let patience = Duration::from_secs(60);
        let lock = DownloadLock::wait(&file, patience).await.unwrap().unwrap();
        let waiting = tokio::time::timeout(PAUSE * 3, DownloadLock::wait(&file, patience)).await;
        assert!(waiting.is_err(), "two have it");
        // One that gives up lets another try.
        drop(lock);
        let lock = DownloadLock::wait(&file, patience).await.unwrap().unwrap();
        fs::write(&file, "whole").unwrap();
        drop(lock);
        assert!(DownloadLock::wait(&file, patience).await.unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_lock_of_a_dead_process_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blob");
        fs::write(file.with_extension("lock"), "1 1").unwrap();
        let begun = Instant::now();
        assert!(DownloadLock::wait(&file, Duration::from_millis(300)).await.unwrap().is_some());
        assert!(begun.elapsed() > Duration::from_millis(300));
        // One that shows life is not.
        let mut lock = DownloadLock::wait(&file, Duration::from_millis(300)).await.unwrap().unwrap();
        let waiting = DownloadLock::wait(&file, Duration::from_millis(300));
        let living = async {
            for _ in 0..10 {
                lock.last = Instant::now() - BEAT * 2;
                lock.beat();
                tokio::time::sleep(PAUSE).await;
            }
            drop(lock);
        };
        let begun = Instant::now();
        let (waited, ()) = tokio::join!(waiting, living);
        assert!(waited.unwrap().is_some() && begun.elapsed() > PAUSE * 9);
    }
}
