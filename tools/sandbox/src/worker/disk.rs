//! Ends commands that write more than a sandbox may hold.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::backend::Backend;

/// Space that must have gone from the file system before what a sandbox holds is worth adding up again, which takes a
/// walk over its files.
const STEP: u64 = 64 << 20;
/// The same in time, for file systems that cannot be seen from here.
const LATEST: Duration = Duration::from_secs(10);
/// Time between two walks.
const BETWEEN: Duration = Duration::from_secs(1);
/// What a sandbox that was full may still write before the next command is ended: what cleans up may need a little.
const GRACE: u64 = 64 << 20;

/// Looks at what a sandbox has written, where its storage knows no limit or does not keep it.
pub(super) struct DiskWatch {
    /// The limit in bytes, or what a command that was ended has left beyond it, and some grace; 0 without a limit.
    ceiling: u64,
    /// Free bytes of the file system when the last walk was made, where they are known.
    free: Option<u64>,
    walked: Instant,
}

impl DiskWatch {
    pub(super) fn new(limit: u64) -> Self {
        Self { ceiling: limit, free: None, walked: Instant::now() }
    }

    /// Returns whether a command has written more than there may be; called every now and then while one runs.
    pub(super) async fn is_full(&mut self, backend: &dyn Backend) -> bool {
        if self.ceiling == 0 || self.walked.elapsed() < BETWEEN {
            return false;
        }
        let free = free(backend.disk()).await;
        let before = *self.free.get_or_insert(free.unwrap_or_default());
        let gone = free.map(|free| before.saturating_sub(free));
        if gone.is_none_or(|gone| gone < STEP) && self.walked.elapsed() < LATEST {
            return false;
        }
        let written = backend.written().await;
        (self.free, self.walked) = (free, Instant::now());
        match written {
            Some(written) if written > self.ceiling => {
                self.ceiling = written + GRACE;
                true
            }
            _ => false,
        }
    }
}

/// Returns the free bytes of the file system of a path.
async fn free(path: Option<PathBuf>) -> Option<u64> {
    let path = path?;
    let stat = spawn_blocking(move || rustix::fs::statvfs(path)).await.ok()?.ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
