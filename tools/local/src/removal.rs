//! The end of a local sandbox: its processes are ended and its folder goes, again and again if it has to be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tool_core::SandboxError;

use crate::blocking::blocking;
use crate::files;
use crate::names::OWNER;
use crate::processes::ControlGroup;
use crate::processes::Processes;

/// Milliseconds between attempts.
const PAUSES: [u64; 6] = [50, 100, 200, 400, 800, 1600];

/// What has to be removed of a sandbox; it is removed at the latest when this is dropped.
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    pub(crate) processes: Processes,
    /// Whether a removal has begun.
    removing: AtomicBool,
    gone: AtomicBool,
    /// Held by the task that removes it.
    turn: tokio::sync::Mutex<()>,
}

impl Content {
    pub(crate) fn new(path: PathBuf, processes: Processes) -> Self {
        Self {
            path,
            processes,
            removing: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Returns whether its removal has begun.
    pub(crate) fn is_removing(&self) -> bool {
        self.removing.load(Ordering::SeqCst)
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Tries once to remove it. Blocks.
    fn remove(&self) -> io::Result<()> {
        self.removing.store(true, Ordering::SeqCst);
        if self.is_gone() {
            return Ok(());
        }
        self.processes.end_all();
        files::remove_tree_but_last(&self.path, OWNER)?;
        self.gone.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn left(&self, err: &io::Error) -> SandboxError {
        SandboxError::Lost(format!("cannot remove `{}`: {err}\nhint: remove it by hand", self.path.display()))
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        // Only where the runtime has ended before the task that removes it.
        if let Err(err) = self.remove() {
            tracing::warn!("{}", self.left(&err));
        }
    }
}

/// The removals of a provider.
#[derive(Clone)]
pub(crate) struct Removals {
    /// Removals under way, and folders in the making.
    pub(crate) tasks: TaskTracker,
    /// What could not be removed.
    left: Arc<Mutex<Vec<Arc<Content>>>>,
    /// Milliseconds between the attempts.
    pauses: [u64; 6],
}

impl Default for Removals {
    fn default() -> Self {
        Self { tasks: TaskTracker::default(), left: Arc::default(), pauses: PAUSES }
    }
}

impl Removals {
    /// Removes a sandbox; it is tried to the end even if no one waits any more.
    pub(crate) async fn remove(&self, content: &Arc<Content>) -> Result<(), SandboxError> {
        if content.is_gone() {
            return Ok(());
        }
        content.removing.store(true, Ordering::SeqCst);
        let removal = self.tasks.spawn(self.clone().retry(content.clone()));
        removal.await.map_err(|err| content.left(&io::Error::other(err)))?
    }

    /// Removes a sandbox that no one waits for.
    pub(crate) fn remove_in_background(&self, content: &Arc<Content>) {
        if content.removing.swap(true, Ordering::SeqCst) {
            return;
        }
        // Without a runtime, it is removed when it is dropped.
        let Ok(runtime) = Handle::try_current() else { return };
        let removal = self.clone().retry(content.clone());
        let task = async {
            if let Err(err) = removal.await {
                tracing::warn!("{err}");
            }
        };
        self.tasks.spawn_on(task, &runtime);
    }

    /// Waits for the removals under way, and tries again what could not be removed.
    pub(crate) async fn finish(&self) -> Result<(), SandboxError> {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        let mut result = Ok(());
        for content in left {
            result = result.and(self.remove(&content).await);
        }
        result
    }

    async fn retry(self, content: Arc<Content>) -> Result<(), SandboxError> {
        let _turn = content.turn.lock().await;
        let mut pauses = self.pauses.into_iter();
        loop {
            let removed = content.clone();
            let Err(err) = blocking(move || Ok::<_, SandboxError>(removed.remove())).await? else { return Ok(()) };
            let Some(pause) = pauses.next() else {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                if !left.iter().any(|other| Arc::ptr_eq(other, &content)) {
                    left.push(content.clone());
                }
                return Err(content.left(&err));
            };
            tracing::debug!("the removal of `{}` is tried again: {err}", content.path.display());
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Removes a folder that a dead process left behind, and what still runs in it.
pub(crate) fn remove_leftover(path: &Path) -> io::Result<()> {
    let owner = fs::read_to_string(path.join(OWNER)).unwrap_or_default();
    let line = |number| owner.lines().nth(number).filter(|line| !line.is_empty());
    if let Some(marker) = line(1) {
        let group = path.file_name().and_then(|name| ControlGroup::existing(&name.to_string_lossy(), line(2)));
        Processes::marked(&Arc::default(), marker, group).end_all();
    }
    files::remove_tree_but_last(path, OWNER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_removed_is_told_and_not_forgotten() {
        // No one can remove it.
        let path = PathBuf::from("/proc/self/fdinfo");
        let content = Arc::new(Content::new(path, Processes::marked(&Arc::default(), "none", None)));
        let removals = Removals { pauses: [1; 6], ..Removals::default() };
        for _ in 0..2 {
            let Err(SandboxError::Lost(message)) = removals.remove(&content).await else { panic!("it was removed") };
            assert!(message.starts_with("cannot remove `/proc/self/fdinfo`: "), "{message}");
        }
        assert!(removals.finish().await.is_err());
    }
}
