//! The command that started a sweep, while processes elsewhere work on it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use journal::{read_text, write_whole};
use tokio_util::sync::CancellationToken;

use super::launcher::{Job, Launcher, States};
use super::pilots::Pilots;
use super::shown::Shown;
use crate::run::{Counts, DRAIN, ENGINE, Sweep, Tally};

/// How often the journal and the engine are looked at.
const POLL: Duration = Duration::from_secs(2);
/// How long processes may take to end by themselves once all is done.
const GRACE_PERIOD: Duration = Duration::from_secs(30);

/// The job that works on a sweep, so that it can be ended when the program ends.
pub type Current = Arc<Mutex<Option<Job>>>;

/// A sweep that other processes work on.
pub struct Coordinator<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// What starts the processes.
    pub launcher: &'a dyn Launcher,
    /// The program that they run.
    pub program: PathBuf,
    /// How many episodes each has under way at once.
    pub workers: usize,
    /// Once cancelled, no more is begun, and what is under way is finished.
    pub drain: CancellationToken,
    /// The job, while there is one.
    pub current: Current,
    /// Receives progress messages.
    pub told: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

/// The absolute paths that are passed to the processes.
struct Places {
    run: PathBuf,
    /// For the scripts and logs.
    engine: PathBuf,
    working: PathBuf,
}

impl Coordinator<'_> {
    /// Submits the processes, waits until all has a result, and submits them again where they ended too soon.
    ///
    /// # Errors
    /// When the engine refuses them, and when the journal cannot be read or a view not be written.
    pub async fn run(&self) -> anyhow::Result<Counts> {
        let places = self.places()?;
        let mut tally = self.sweep.tally();
        let mut stopped = None;
        if tally.look()? > 0 {
            stopped = self.work(&places, &mut tally).await?;
        }
        self.set(None);
        tally.finish(stopped)
    }

    fn places(&self) -> anyhow::Result<Places> {
        let engine = self.sweep.journal().run().join(ENGINE);
        std::fs::create_dir_all(&engine).with_context(|| format!("cannot create `{}`", engine.display()))?;
        let engine = engine.canonicalize().with_context(|| format!("cannot find `{}`", engine.display()))?;
        let run = engine.parent().context("the folder of the run has no parent")?.to_owned();
        let working = std::env::current_dir().context("cannot determine the working folder")?;
        Ok(Places { run, engine, working })
    }

    fn set(&self, job: Option<Job>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = job;
    }

    /// Returns why the sweep was stopped before all had ended.
    async fn work(&self, places: &Places, tally: &mut Tally<'_>) -> anyhow::Result<Option<String>> {
        let most = self.sweep.plan().file.spec.engine.resubmit;
        let mut in_vain = 0;
        let mut left = tally.look()?;
        let mut earlier = self.earlier(places).await?;
        loop {
            if let Some(why) = tally.over() {
                return Ok(Some(why));
            }
            let (mut job, pilots) = match earlier.take() {
                Some(job) => (job, self.pilots(places, 1)),
                None => self.submit(places, left).await?,
            };
            self.set(Some(job.clone()));
            let before = left;
            let stopped = self.wait(&mut job, &pilots, places, tally).await?;
            left = tally.look()?;
            if left == 0 || stopped.is_some() {
                return Ok(stopped);
            }
            if self.drain.is_cancelled() {
                return Ok(None);
            }
            in_vain = if left < before { 0 } else { in_vain + 1 };
            if in_vain > most {
                let logs = self.launcher.logs(&job, &places.engine);
                return Ok(Some(format!(
                    "{left} episodes are left, and the processes of {in_vain} jobs in a row ended with no \
                    result\nhint: their logs are in {logs}; run the same command again to continue"
                )));
            }
            if tally.over().is_none() {
                let job = &job.job;
                (self.told)(&format!("job {job} has ended, and {left} episodes are left: it is submitted again"));
            }
        }
    }

    fn pilots<'a>(&'a self, places: &'a Places, count: u32) -> Pilots<'a> {
        let plan = self.sweep.plan();
        Pilots {
            engine: &plan.file.spec.engine,
            count,
            workers: self.workers,
            program: &self.program,
            run: &places.run,
            folder: &places.working,
            name: &plan.run,
        }
    }

    fn kept(&self, places: &Places) -> PathBuf {
        places.engine.join(format!("{}.json", self.launcher.name()))
    }

    /// Returns the job of an earlier command that still works on the sweep.
    async fn earlier(&self, places: &Places) -> anyhow::Result<Option<Job>> {
        let path = self.kept(places);
        let Some(text) = read_text(&path)? else { return Ok(None) };
        let damaged = || {
            let path = path.display();
            format!(
                "`{path}` is damaged: it names a job that may still work on the sweep\nhint: end that job by hand, then remove the file"
            )
        };
        let mut job = serde_json::from_str::<Job>(&text).with_context(damaged)?;
        let states = self.launcher.states(&mut job, None).await;
        let untold = || {
            let (name, path) = (&job.job, path.display());
            format!(
                "cannot determine whether the job {name} of an earlier command still works on it\nhint: if there is \
                no such job any more, remove `{path}`"
            )
        };
        let is_there = !states.with_context(untold)?.is_empty();
        if is_there {
            (self.told)(&format!("job {} of an earlier command still works on it", job.job));
        }
        Ok(is_there.then_some(job))
    }

    async fn submit<'a>(&'a self, places: &'a Places, left: usize) -> anyhow::Result<(Job, Pilots<'a>)> {
        let capacity = self.launcher.capacity().await?;
        let needed = u32::try_from(left.div_ceil(self.workers.max(1))).unwrap_or(u32::MAX);
        let asked = self.sweep.plan().file.spec.engine.pilots.unwrap_or(capacity.usual).min(needed);
        let pilots = self.pilots(places, asked.min(capacity.most).max(1));
        if pilots.count < asked {
            (self.told)(&format!("{} processes instead of {asked}: the site allows no more", pilots.count));
        }
        let job = self.launcher.submit(&pilots, &places.engine).await?;
        self.keep(places, &job)?;
        let (name, count, folder) = (&job.job, pilots.count, places.engine.display());
        (self.told)(&format!("job {name}: {count} processes of {} episodes at once, by `{folder}`", self.workers));
        Ok((job, pilots))
    }

    fn keep(&self, places: &Places, job: &Job) -> anyhow::Result<()> {
        write_whole(&self.kept(places), &serde_json::to_vec(job)?)
    }

    /// Waits until a job has ended; returns why it was ended before all had a result.
    async fn wait(
        &self,
        job: &mut Job,
        pilots: &Pilots<'_>,
        places: &Places,
        tally: &mut Tally<'_>,
    ) -> anyhow::Result<Option<String>> {
        let mut shown = Shown::new(self.sweep);
        let mut done: Option<Instant> = None;
        let (mut stopped, mut drained) = (None, false);
        // Since when all has been cancelled, and since when the engine has not answered.
        let (mut cancelled, mut silent) = (None::<Instant>, None::<Instant>);
        loop {
            let left = tally.look()?;
            if stopped.is_none() && left > 0 {
                stopped = tally.over();
            }
            let is_done = left == 0 && done.is_none();
            let is_to_drain = !drained && left > 0 && (stopped.is_some() || self.drain.is_cancelled());
            if is_to_drain {
                write_whole(&places.run.join(DRAIN), b"")?;
                drained = true;
            }
            if is_done {
                done = Some(Instant::now());
            }
            if is_done || is_to_drain {
                self.warn(self.launcher.cancel_waiting(job).await);
            }
            let states = self.states(job, Some(pilots).filter(|_| left > 0 && !drained), places).await?;
            if states.as_ref().is_ok_and(|states| states.is_empty()) {
                // Processes that are started by hand from now on are not meant.
                let _ = std::fs::remove_file(places.run.join(DRAIN));
                return Ok(stopped);
            }
            if let Some(line) = shown.line(&states) {
                (self.told)(&line);
            }
            silent = states.is_err().then(|| silent.unwrap_or_else(Instant::now));
            let is_long = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() > 2 * GRACE_PERIOD);
            // A process that a lost node never releases must not hold up the rest for good.
            if is_long(cancelled) || (drained && is_long(silent)) {
                let by_hand = self.launcher.by_hand(job);
                (self.told)(&format!("warning: whether all processes have ended is not known\nhint: `{by_hand}`"));
                return Ok(stopped);
            }
            let only_wait = drained && states.is_ok_and(|states| states.none_runs());
            let is_late = done.is_some_and(|since| since.elapsed() > GRACE_PERIOD);
            if cancelled.is_none() && (is_late || only_wait) {
                cancelled = Some(Instant::now());
                self.warn(self.launcher.cancel(job).await);
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.drain.cancelled(), if !drained => {}
            }
        }
    }

    /// Returns the states of the processes, or why they are not known, and keeps what has become of the job.
    async fn states(
        &self,
        job: &mut Job,
        restart: Option<&Pilots<'_>>,
        places: &Places,
    ) -> anyhow::Result<anyhow::Result<States>> {
        let before = job.clone();
        let states = self.launcher.states(job, restart).await;
        if *job != before {
            self.keep(places, job)?;
            self.set(Some(job.clone()));
        }
        Ok(states)
    }

    /// Warns about what the engine failed to do.
    fn warn(&self, done: anyhow::Result<()>) {
        if let Err(err) = done {
            (self.told)(&format!("warning: {err:#}"));
        }
    }
}

/// Ends all processes of a job, and blocks meanwhile; for when the program itself ends.
///
/// # Errors
/// When the engine does not answer, or not in time.
pub fn cancel_now(launcher: &Arc<dyn Launcher>, job: &Job) -> anyhow::Result<()> {
    let (launcher, job) = (launcher.clone(), job.clone());
    // The runtime of the program is about to end.
    let cancelled = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let cancelled = tokio::time::timeout(GRACE_PERIOD, launcher.cancel(&job)).await;
            cancelled.unwrap_or_else(|_| {
                let (seconds, by_hand) = (GRACE_PERIOD.as_secs(), launcher.by_hand(&job));
                Err(anyhow::anyhow!("the engine did not answer within {seconds} s\nhint: `{by_hand}`"))
            })
        })
    });
    cancelled.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that ends the job died")))
}
