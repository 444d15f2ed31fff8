//! Whether the machine has room for one more sandbox.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::PermitsConfig;

/// How often a machine without room is looked at again.
const POLL: Duration = Duration::from_millis(500);
/// For how long an answer counts.
const FRESH: Duration = Duration::from_millis(200);

/// Lets a sandbox start when the machine has room for it, and in any case when there is no other: what must stay free
/// is no reason to wait forever.
#[derive(Debug)]
pub(super) struct Admission {
    memory_free: u64,
    disk_free: u64,
    load: Option<f64>,
    /// The folder whose disk is looked at.
    folder: PathBuf,
    admitted: AtomicUsize,
    /// The last answer: when, and what was lacking.
    last: Mutex<Option<(Instant, Option<String>)>>,
}

/// A place on the machine, for as long as this value lives.
#[derive(Debug)]
pub(super) struct Admitted<'a>(&'a Admission);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.admitted.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Admission {
    pub(super) fn new(config: &PermitsConfig, folder: &Path) -> Self {
        Self {
            memory_free: config.memory_free.0,
            disk_free: config.disk_free.0,
            load: config.load,
            folder: folder.to_owned(),
            admitted: AtomicUsize::new(0),
            last: Mutex::new(None),
        }
    }

    /// Waits until there is room.
    pub(super) async fn wait(&self) -> Admitted<'_> {
        let mut told = false;
        loop {
            let is_first = self.admitted.fetch_add(1, Ordering::AcqRel) == 0;
            // It is given back when this is dropped.
            let admitted = Admitted(self);
            let lacking = if is_first { None } else { self.lacking() };
            let Some(lacking) = lacking else { return admitted };
            drop(admitted);
            if !std::mem::replace(&mut told, true) {
                tracing::info!("no further sandbox starts for now: {lacking}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns what the machine lacks, as it was a moment ago.
    fn lacking(&self) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, lacking)) if at.elapsed() < FRESH => lacking.clone(),
            _ => {
                let lacking = self.look();
                *last = Some((Instant::now(), lacking.clone()));
                lacking
            }
        }
    }

    fn look(&self) -> Option<String> {
        let mib = |bytes: u64| bytes >> 20;
        let short = |what: &str, free: Option<u64>, least: u64| {
            let free = free.filter(|free| *free < least)?;
            Some(format!("{} MiB of {what} are free, {} must stay free", mib(free), mib(least)))
        };
        short("memory", memory(), self.memory_free)
            .or_else(|| short("disk", disk(&self.folder), self.disk_free))
            .or_else(|| {
                let (most, load) = (self.load?, load()?);
                (load > most).then(|| format!("{load:.1} processes are ready to run on each core, {most} at most"))
            })
    }
}

/// Returns how much memory may still be used; `None` where it cannot be determined.
///
/// A container, or a job of a cluster's engine, may have less than the machine.
fn memory() -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
    };
    let of_group = || Some(number("memory.max")?.saturating_sub(number("memory.current")?));
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let of_machine = line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.saturating_mul(1024);
    Some(of_group().map_or(of_machine, |of_group| of_group.min(of_machine)))
}

/// Returns how much may still be written where a folder is.
fn disk(folder: &Path) -> Option<u64> {
    // The folder of runs may not be there yet.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Returns how many processes were ready to run on each core, over the last minute.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split(' ').next()?.parse().ok()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    Some(load / cores as f64)
}

#[cfg(test)]
mod tests {
    use tool_core::Size;

    use super::*;

    #[tokio::test]
    async fn one_sandbox_always_starts_and_a_second_waits_for_room() {
        let config = PermitsConfig { memory_free: Size(u64::MAX), ..PermitsConfig::default() };
        let admission = Admission::new(&config, Path::new("."));
        let first = admission.wait().await;
        let second = tokio::time::timeout(Duration::from_millis(1200), admission.wait()).await;
        assert!(second.is_err());
        assert!(admission.look().unwrap().contains("of memory are free"));
        drop(first);
        drop(tokio::time::timeout(Duration::from_millis(1200), admission.wait()).await.unwrap());
        assert_eq!(admission.admitted.load(Ordering::SeqCst), 0);
        let roomy = Admission::new(&PermitsConfig { memory_free: Size(0), ..config }, Path::new("."));
        let _both = (roomy.wait().await, roomy.wait().await);
    }

    #[test]
    fn what_is_lacking_is_named_with_what_must_stay_free() {
        let nothing = PermitsConfig { memory_free: Size(0), disk_free: Size(0), ..PermitsConfig::default() };
        let look = |config: &PermitsConfig, folder: &str| Admission::new(config, Path::new(folder)).look();
        assert_eq!(look(&nothing, "."), None);
        let disk = PermitsConfig { disk_free: Size(u64::MAX), ..nothing.clone() };
        // The folder of runs need not be there yet.
        for folder in [".", "/nowhere/runs"] {
            let lacking = look(&disk, folder).unwrap();
            assert!(lacking.ends_with(" MiB of disk are free, 17592186044415 must stay free"), "{lacking}");
            assert!(!lacking.starts_with("0 MiB"), "{lacking}");
        }
        let loaded = |most| look(&PermitsConfig { load: Some(most), ..nothing.clone() }, ".");
        assert!(loaded(-1.0).unwrap().ends_with(" processes are ready to run on each core, -1 at most"));
        assert_eq!(loaded(1e9), None);
    }

    #[test]
    fn the_load_is_that_of_each_core() {
        let cores = std::thread::available_parallelism().unwrap().get() as f64;
        let whole = || -> f64 {
            let text = std::fs::read_to_string("/proc/loadavg").unwrap();
            text.split(' ').next().unwrap().parse().unwrap()
        };
        // It may change while it is read.
        let is_load = || {
            let (before, load, after) = (whole(), load().unwrap(), whole());
            before == after && (load * cores - before).abs() < 1e-9
        };
        assert!((0..100).any(|_| is_load()));
    }

    #[test]
    fn an_answer_counts_for_a_moment() {
        let nothing = PermitsConfig { memory_free: Size(0), disk_free: Size(0), ..PermitsConfig::default() };
        let admission = Admission::new(&nothing, Path::new("."));
        let answered = |at: Instant| {
            *admission.last.lock().unwrap() = Some((at, Some("room".to_owned())));
            admission.lacking()
        };
        assert_eq!(answered(Instant::now() + Duration::from_secs(60)), Some("room".to_owned()));
        assert_eq!(answered(Instant::now().checked_sub(FRESH * 2).unwrap()), None);
    }
}
