//! The kernel's own count of a sandbox's processes, where we may have it kept.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// Processes and threads beyond a sandbox's limit that its group still takes, so that the limit is seen to be passed.
const SLACK: u64 = 32;

/// A control group with the `pids` controller. It is removed when it is dropped, if no process is left in it.
pub(crate) struct ControlGroup {
    path: PathBuf,
    limit: u64,
    /// How often a process was refused when that was last asked for.
    refused: AtomicU64,
    /// Whether all processes that were to be in it are.
    whole: AtomicBool,
}

impl ControlGroup {
    /// Returns where the group of a sandbox has its place: below that of this process, which depends on the login session.
    pub(crate) fn place(sandbox: &str) -> Option<PathBuf> {
        Some(base()?.join(sandbox))
    }

    /// Makes a group that may have `limit` processes and threads. There is none where the kernel has no such groups, or
    /// where this user may not make them, as is usual without root.
    pub(crate) fn new(path: PathBuf, limit: u64) -> Option<Self> {
        let group = Self { path, limit, refused: AtomicU64::new(0), whole: AtomicBool::new(true) };
        fs::create_dir(&group.path).ok()?;
        // Where no limit can be set, it is removed again.
        group.set_most(limit.saturating_add(SLACK)).then_some(group)
    }

    /// Returns the group that an ended program made for a sandbox, at the place that it has noted or else in this session.
    pub(crate) fn existing(sandbox: &str, place: Option<&str>) -> Option<Self> {
        let path = place.map_or_else(|| Self::place(sandbox), |place| Some(PathBuf::from(place)))?;
        // A note may say anything.
        let is_group = path.starts_with(MOUNT) && path.ends_with(sandbox) && path.join("cgroup.procs").is_file();
        // Who made it knew whether all were in it; this program does not.
        is_group.then_some(Self { path, limit: 0, refused: AtomicU64::new(0), whole: AtomicBool::new(false) })
    }

    /// Puts a process that has no children yet into the group; they will be in it as well.
    pub(crate) fn add(&self, id: u32) {
        // Without it, the process is watched as where there are no groups.
        if let Err(err) = fs::write(self.path.join("cgroup.procs"), id.to_string()) {
            self.whole.store(false, Ordering::SeqCst);
            tracing::debug!("process {id} is not in `{}`: {err}", self.path.display());
        }
    }

    /// Returns whether every process that was added is in it.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::SeqCst)
    }

    /// Returns the ids of the processes in the group and in those that were made below it.
    pub(crate) fn members(&self) -> Vec<u32> {
        let mut members = Vec::new();
        collect(&self.path, &mut members);
        members
    }

    /// Returns whether a process was refused since the last call, and the limit is passed.
    pub(crate) fn is_full(&self) -> bool {
        let refused = self.refusals();
        self.refused.swap(refused, Ordering::SeqCst) < refused && self.count().unwrap_or_default() > self.limit
    }

    /// Lets no process of the group start another until [`ControlGroup::allow_forks`].
    pub(crate) fn forbid_forks(&self) {
        self.set_most(0);
    }

    /// Ends what [`ControlGroup::forbid_forks`] began.
    pub(crate) fn allow_forks(&self) {
        // Those that have been killed count until init has taken note of them.
        self.set_most(self.limit.saturating_add(SLACK).saturating_add(self.count().unwrap_or_default()));
        self.refused.store(self.refusals(), Ordering::SeqCst);
    }

    /// Returns the number of processes and threads, as far as it can be read.
    pub(crate) fn count(&self) -> Option<u64> {
        self.read("pids.current").trim().parse().ok()
    }

    fn refusals(&self) -> u64 {
        let events = self.read("pids.events");
        events.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap_or_default()
    }

    fn set_most(&self, most: u64) -> bool {
        fs::write(self.path.join("pids.max"), most.to_string()).is_ok()
    }
}

/// Adds the processes of a group and of those below it.
fn collect(path: &Path, members: &mut Vec<u32>) {
    let list = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    members.extend(list.lines().filter_map(|id| id.parse::<u32>().ok()));
    below(path).for_each(|path| collect(&path, members));
}

/// Returns the groups right below a group.
fn below(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    // A folder has a link for itself, one in its own, and one in each that is below it.
    let has_some = fs::metadata(path).is_ok_and(|metadata| metadata.nlink() > 2);
    let entries = has_some.then(|| fs::read_dir(path).ok()).flatten();
    let folders = entries.into_iter().flatten().flatten();
    folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

/// Removes the groups below a group, the innermost first.
fn remove_below(path: &Path) {
    for path in below(path) {
        remove_below(&path);
        // One that is still in use stays, and so do those above.
        let _ = fs::remove_dir(path);
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        remove_below(&self.path);
        // One that is still in use goes with the sandbox's folder when leftovers are removed.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Returns the group of this process, below which others are made.
fn base() -> Option<PathBuf> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let below = |mount: &Path, group: &str| mount.join(group.trim_start_matches('/'));
    let lines = || list.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    // Version 1 has a tree for each controller, version 2 one for all, where a group says what those below it have.
    let old = lines().find(|(controllers, _)| controllers.split(',').any(|name| name == "pids"));
    let old = old.map(|(controllers, group)| below(&Path::new(MOUNT).join(controllers), group));
    let new = lines().find(|(controllers, _)| controllers.is_empty());
    let new = new.map(|(_, group)| below(Path::new(MOUNT), group)).filter(|path| {
        let controllers = fs::read_to_string(path.join("cgroup.subtree_control")).unwrap_or_default();
        controllers.split_whitespace().any(|name| name == "pids")
    });
    old.or(new)
}
