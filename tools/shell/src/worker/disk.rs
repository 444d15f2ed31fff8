//! Ends commands that write more than a sandbox may hold.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::backend::Backend;

/// Space that must have gone from the file system before what a sandbox holds is worth adding up again, which takes a
/// walk over its files.
const STEP: u64 = 64 << 20;
/// The same in time while a command runs, for file systems that cannot be seen from here.
const LATEST: Duration = Duration::from_secs(10);
/// Time between two looks.
const BETWEEN: Duration = Duration::from_secs(1);
/// What a command may add to a sandbox that is too full already: one that cleans up may need a little.
const LITTLE: u64 = 1 << 20;

/// Looks at what a sandbox has written, where its storage knows no limit or does not keep it.
pub(super) struct DiskWatch {
    /// The limit in bytes; 0 is none.
    limit: u64,
    /// Free bytes of the file system when the last walk was made, where they are known.
    free: Option<u64>,
    /// What the sandbox held then.
    held: u64,
    looked: Instant,
    walked: Instant,
}

impl DiskWatch {
    pub(super) fn new(limit: u64) -> Self {
        let now = Instant::now();
        Self { limit, free: None, held: 0, looked: now, walked: now }
    }

    /// Returns whether the sandbox holds more than it may, and more than at the last look; to be called every now and then.
    /// Where nothing runs, only space that has gone is a reason to walk.
    pub(super) async fn is_full(&mut self, backend: &dyn Backend, runs: bool) -> bool {
        if self.limit == 0 || self.looked.elapsed() < BETWEEN {
            return false;
        }
        self.looked = Instant::now();
        let free = free(backend.disk()).await;
        let before = *self.free.get_or_insert(free.unwrap_or_default());
        let gone = free.map_or(0, |free| before.saturating_sub(free));
        if gone < STEP && !(runs && self.walked.elapsed() >= LATEST) {
            return false;
        }
        let Some(written) = backend.written().await else { return false };
        (self.free, self.walked) = (free, Instant::now());
        let before = std::mem::replace(&mut self.held, written);
        written > self.limit && (before <= self.limit || written > before + LITTLE)
    }
}

/// Returns the free bytes of the file system of a path.
async fn free(path: Option<PathBuf>) -> Option<u64> {
    let path = path?;
    let stat = spawn_blocking(move || rustix::fs::statvfs(path)).await.ok()?.ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
