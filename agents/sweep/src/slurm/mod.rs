//! A sweep by an array of processes under Slurm, which share nothing but the file system.

mod script;
mod site;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use journal::{Run, read_text, write_whole};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::run::{Counts, Sweep, Tally};
use crate::status::{Live, Status};
pub use script::Script;
use site::States;
pub use site::cancel_now;

/// The folder of the scripts and logs in the folder of a run.
const FOLDER: &str = "engine";
/// How often the journal and the queue are looked at.
const POLL: Duration = Duration::from_secs(2);
/// How often at most it is told how far the sweep has got.
const TELL: Duration = Duration::from_secs(15);
/// How long processes may take to end by themselves once all is done.
const LETTING_GO: Duration = Duration::from_secs(30);

/// The job that works on a sweep, for whoever has to end it when the program ends.
pub type JobId = Arc<Mutex<Option<String>>>;

/// A sweep under Slurm.
pub struct Slurm<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// The program that the processes run.
    pub program: PathBuf,
    /// How many episodes each has under way at once.
    pub workers: usize,
    /// Once cancelled, no more is begun, and what is under way is finished.
    pub drain: CancellationToken,
    /// The job, while there is one.
    pub job: JobId,
    /// Is told how far it has got.
    pub told: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

/// What is kept of the job, so that the same command finds it again.
#[derive(Debug, Serialize, Deserialize)]
struct Submitted {
    job: String,
}

impl Slurm<'_> {
    /// Submits the array, waits until all has a result, and submits it again where its processes ended too soon.
    ///
    /// # Errors
    /// When Slurm refuses the array, and when the journal cannot be read or a view not be written.
    pub async fn run(&self) -> anyhow::Result<Counts> {
        let folder = self.folder()?;
        let mut tally = self.sweep.tally();
        let mut stopped = None;
        if tally.look()? > 0 {
            stopped = self.work(&folder, &mut tally).await?;
        }
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tally.finish(stopped)
    }

    fn folder(&self) -> anyhow::Result<PathBuf> {
        let run = self.sweep.journal().run();
        let folder = run.join(FOLDER);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        folder.canonicalize().with_context(|| format!("cannot find `{}`", folder.display()))
    }

    /// Returns why the sweep was stopped before all had ended.
    async fn work(&self, folder: &Path, tally: &mut Tally<'_>) -> anyhow::Result<Option<String>> {
        let most = self.sweep.plan().file.spec.engine.resubmit;
        let mut in_vain = 0;
        let mut left = tally.look()?;
        let mut earlier = self.earlier(folder).await?;
        loop {
            if let Some(why) = tally.over() {
                return Ok(Some(why));
            }
            let job = match earlier.take() {
                Some(job) => job,
                None => self.submit(folder, left).await?,
            };
            *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job.clone());
            let before = left;
            let stopped = self.wait(&job, tally).await?;
            left = tally.look()?;
            if left == 0 || stopped.is_some() {
                return Ok(stopped);
            }
            if self.drain.is_cancelled() {
                return Ok(None);
            }
            in_vain = if left < before { 0 } else { in_vain + 1 };
            if in_vain > most {
                let logs = folder.display();
                return Ok(Some(format!(
                    "{left} episodes are left, and the processes of {in_vain} jobs in a row ended with no result\nhint: their logs are in `{logs}`; the same command goes on"
                )));
            }
            (self.told)(&format!("job {job} has ended, and {left} episodes are left: it is submitted again"));
        }
    }

    /// Returns the job of an earlier command that still works on the sweep.
    async fn earlier(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        let Some(text) = read_text(&folder.join("slurm.json"))? else { return Ok(None) };
        let Ok(Submitted { job }) = serde_json::from_str(&text) else { return Ok(None) };
        let is_there = site::states(&job).await.is_none_or(|states| !states.is_empty());
        if is_there {
            (self.told)(&format!("job {job} of an earlier command still works on it"));
        }
        Ok(is_there.then_some(job))
    }

    async fn submit(&self, folder: &Path, left: usize) -> anyhow::Result<String> {
        let plan = self.sweep.plan();
        let engine = &plan.file.spec.engine;
        let most = site::most_pilots().await?;
        let needed = u32::try_from(left.div_ceil(self.workers.max(1))).unwrap_or(u32::MAX);
        let pilots = engine.pilots.min(most).min(needed).max(1);
        if pilots < engine.pilots.min(needed) {
            (self.told)(&format!("{pilots} processes instead of {}: an array may have no more here", engine.pilots));
        }
        let run = folder.parent().context("the folder of the run has no parent")?;
        let (program, workers, name) = (self.program.as_path(), self.workers, plan.run.as_str());
        let path = folder.join("slurm.sh");
        write_whole(&path, Script { engine, pilots, workers, program, run, name }.text()?.as_bytes())?;
        let job = site::submit(&path).await?;
        write_whole(&folder.join("slurm.json"), &serde_json::to_vec(&Submitted { job: job.clone() })?)?;
        (self.told)(&format!("job {job}: {pilots} processes of {workers} episodes at once, by `{}`", path.display()));
        Ok(job)
    }

    /// Waits until a job has ended, or all has a result; returns why it was ended before.
    async fn wait(&self, job: &str, tally: &mut Tally<'_>) -> anyhow::Result<Option<String>> {
        let mut shown = Shown::new(self.sweep);
        let mut ending: Option<Instant> = None;
        let (mut stopped, mut drained, mut cancelled) = (None, false, false);
        loop {
            let left = tally.look()?;
            let states = site::states(job).await;
            if states.as_ref().is_some_and(States::is_empty) {
                return Ok(stopped);
            }
            if let Some(states) = &states
                && let Some(line) = shown.line(states)
            {
                (self.told)(&line);
            }
            if left == 0 && ending.is_none() {
                ending = Some(Instant::now());
                site::cancel_waiting(job).await;
            }
            if self.drain.is_cancelled() && !drained {
                drained = true;
                site::drain(job).await;
            }
            let over = tally.over().filter(|_| left > 0);
            let is_late = ending.is_some_and(|since| since.elapsed() > LETTING_GO);
            if !cancelled && (over.is_some() || is_late) {
                (cancelled, stopped) = (true, over);
                site::cancel_all(job).await;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.drain.cancelled(), if !drained => {}
            }
        }
    }
}

/// What was told of how far the sweep has got.
struct Shown<'a> {
    run: Run,
    name: &'a str,
    live: Live,
    last: Option<(Instant, String)>,
}

impl<'a> Shown<'a> {
    fn new(sweep: &'a Sweep) -> Self {
        let run = Run::of(sweep.journal());
        Self { run, name: &sweep.plan().run, live: Live::default(), last: None }
    }

    /// Returns a line where it is time for one and something has changed.
    fn line(&mut self, states: &States) -> Option<String> {
        if self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < TELL) {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let status = Status::read(&self.run, self.name, &mut self.live, now);
        let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let line = format!("{}; processes: {}", status.headline().trim_end(), states.join(", "));
        let is_new = self.last.as_ref().is_none_or(|(_, last)| *last != line);
        self.last = Some((Instant::now(), line.clone()));
        is_new.then_some(line)
    }
}
