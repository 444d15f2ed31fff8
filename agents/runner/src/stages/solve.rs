//! One instance from start to verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{
    EpisodeParts, ExitStatus, FreshSandbox, Header, Model, Origin, Outcome, OutcomeClass, Record, Recorder, Trajectory,
};
use anyhow::{Context, anyhow, bail};
use env_core::{Environment, Instance, Patch, Ready, Verdict};
use images::NeededImage;
use journal::{
    CellDir, Ended, EpisodeDir, FileRecorder, Found, Prediction, Subject, VERDICT_FILES, exit_status, verdict_line,
};
use tool_core::Toolbox;

use super::judge::Judge;
use super::models::{Models, digests_of_prompts};
use crate::config::{Resolved, different, digest, in_words};
use crate::driver::Asks;
use crate::engine::{Ending, Event, INFRASTRUCTURE, Phase, Stage, Work, WorkItem, Worker, wanted};
use crate::plugs::Start;
use crate::replay::Prefix;
use crate::shown::short;

/// All that the episodes of one sample in one cell share.
pub struct Cell {
    /// The configuration.
    pub resolved: Resolved,
    /// Poses the instances and judges the patches.
    pub environment: Arc<dyn Environment>,
    /// The model.
    pub models: Arc<Models>,
    /// Where all is written.
    pub cell_dir: CellDir,
    /// Whether finished episodes start over.
    pub fresh: bool,
    /// The first steps of an episode, from which these continue.
    pub prefix: Option<Prefix>,
    /// The templates.
    prompts: prompts::Prompts,
    /// What every episode is made from, whatever its instance.
    origin: Origin,
    fingerprint: String,
    /// Starts an episode of the agent.
    start: Start,
}

/// One instance in one cell.
#[derive(Clone)]
pub struct Attempt {
    /// The cell.
    pub cell: Arc<Cell>,
    /// The place of the instance among those of the cell's environment.
    pub index: usize,
}

/// What came of an attempt.
pub enum Attempted {
    /// The episode has ended.
    Solved(Box<Solved>),
    /// Something of ours broke, in words.
    Failed(String),
    /// Another process is at it.
    Held,
    /// It was not begun, as no more is to be.
    GivenUp,
}

/// Solves instances and judges the patches.
pub struct Solving;

/// What came of one instance.
pub struct Solved {
    /// How the episode ended.
    pub outcome: Outcome,
    /// The verdict on its patch; `None` where there is none to be had, or none was asked for.
    pub verdict: Option<Verdict>,
}

const TRAJECTORY: &str = "trajectory.jsonl";
/// The unfinished trajectory that a running one resumes.
const RESUMED: &str = "trajectory.resumed.jsonl";
/// Answers that were paid for and are no part of the episode: `trajectory.cut.1.jsonl` and so on.
const CUT: &str = "trajectory.cut";

impl Cell {
    /// Returns the cell of a sample.
    ///
    /// # Errors
    /// When the templates cannot be read.
    pub fn new(
        resolved: Resolved,
        environment: Arc<dyn Environment>,
        models: Arc<Models>,
        cell_dir: CellDir,
    ) -> anyhow::Result<Self> {
        let (prompts, texts) = digests_of_prompts(&resolved)?;
        let origin = Origin {
            spotter: env!("CARGO_PKG_VERSION").to_owned(),
            started: 0.0,
            settings: serde_json::to_value(resolved.identity())?,
            instance: String::new(),
            prompts: digest(&[&prompts, resolved.inputs()]),
            texts: Some(texts),
            dataset: resolved.config.env.dataset.clone(),
            dataset_revision: resolved.dataset_revision(),
            image: None,
            audit: None,
            sample: cell_dir.sample(),
            parent: None,
        };
        let (prompts, fingerprint) = (super::models::prompts(&resolved)?, resolved.fingerprint());
        let (fresh, prefix, start) = (false, None, resolved.prepared.start.clone());
        Ok(Self { resolved, environment, models, cell_dir, fresh, prefix, prompts, origin, fingerprint, start })
    }

    /// Refuses a cell some of whose episodes were made with other settings than it would make them with now.
    ///
    /// # Errors
    /// With the first of them.
    pub fn refuse_others(&self) -> anyhow::Result<()> {
        let is_other = |ended: &Ended| ended.config.as_ref().is_some_and(|config| *config != self.fingerprint);
        let other = self.cell_dir.asked().into_iter().find(|id| self.cell_dir.ended(id).as_ref().is_some_and(is_other));
        let Some(id) = other else { return Ok(()) };
        let (folder, sample) = (self.cell_dir.instance_path(&id), self.cell_dir.sample());
        bail!(
            "sample {sample} of `{id}` was solved with other settings, in `{}`\nhint: choose another `name` for the cell or the run",
            folder.display()
        )
    }

    /// Returns the same for another sample with the same settings.
    #[must_use]
    pub fn of_sample(&self, sample: u32) -> Self {
        Self {
            resolved: self.resolved.clone(),
            environment: self.environment.clone(),
            models: self.models.clone(),
            cell_dir: self.cell_dir.of_sample(sample),
            fresh: self.fresh,
            prefix: self.prefix.clone(),
            prompts: self.prompts.clone(),
            origin: Origin { sample, ..self.origin.clone() },
            fingerprint: self.fingerprint.clone(),
            start: self.start.clone(),
        }
    }

    /// Returns the same for another sample, the steps of whose one episode come from outside.
    #[must_use]
    pub fn driven(&self, sample: u32, asks: Asks) -> Self {
        let (drive, asks) = (self.resolved.prepared.drive.clone(), Mutex::new(Some(asks)));
        let start: Start =
            Arc::new(move |parts, header| match asks.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(asks) => drive(asks, parts, header),
                None => Box::pin(async { Err(anyhow!("an episode that is driven from outside cannot start over")) }),
            });
        Self { start, ..self.of_sample(sample) }
    }

    /// Returns whether an instance has its final result: an episode that ended by itself, and the verdict on its patch
    /// where one is asked for.
    pub fn is_done(&self, instance: &Instance) -> bool {
        let id = instance.instance_id.as_str();
        let Some(ended) = self.cell_dir.ended(id) else { return false };
        if ended.class == OutcomeClass::Infrastructure {
            return false;
        }
        let Some(prediction) = self.cell_dir.prediction(id) else { return false };
        if !self.resolved.config.evaluate {
            return true;
        }
        let patch = Patch(prediction.model_patch.unwrap_or_default());
        let subject = Subject::new(&patch, self.environment.as_ref(), instance);
        matches!(self.cell_dir.find(&subject, id), Found::Verdict(verdict) if journal::Ending::of(&verdict) != journal::Ending::Infrastructure)
    }

    /// Solves an instance and judges the patch, continuing from where an earlier process was killed.
    async fn solve(&self, instance: &Instance, worker: &Worker) -> anyhow::Result<Attempted> {
        let id = instance.instance_id.as_str();
        let Some(dir) = self.cell_dir.try_episode(id)? else { return Ok(Attempted::Held) };
        if self.fresh {
            for name in [TRAJECTORY, RESUMED, "patch.diff"].into_iter().chain(VERDICT_FILES) {
                dir.remove(name)?;
            }
            self.cell_dir.reset(&dir, id)?;
        }
        let origin = self.origin(instance).await?;
        let _image;
        let outcome = match self.finished(&origin, &dir, worker)? {
            Some(outcome) => {
                if self.cell_dir.ended(id).is_none() {
                    // The process that finished it was killed before it could say so.
                    self.cell_dir.end(&dir, id, ended(&Ok(outcome.clone()), &self.fingerprint))?;
                }
                outcome
            }
            None => {
                let image = worker.permits.image(self.environment.as_ref(), instance);
                let Some(image) = worker.unless_drained(image).await else { return Ok(Attempted::GivenUp) };
                let outcome = match image {
                    Ok(image) => {
                        // It stays until the patch is judged.
                        _image = image;
                        let earlier = self.unfinished(&origin, &dir, worker)?;
                        self.run_episode(instance, &dir, (origin, earlier), worker).await
                    }
                    Err(err) => Err(err),
                };
                let Some(outcome) = outcome.transpose() else { return Ok(Attempted::GivenUp) };
                self.cell_dir.end(&dir, id, ended(&outcome, &self.fingerprint))?;
                outcome?
            }
        };
        let patch = match (&outcome.patch, outcome.exit_status.class()) {
            (Some(patch), OutcomeClass::Submitted | OutcomeClass::AgentLimit) => patch.clone(),
            _ => return Ok(Attempted::Solved(Box::new(Solved { outcome, verdict: None }))),
        };
        dir.write("patch.diff", patch.0.as_bytes())?;
        self.cell_dir.put_prediction(&Prediction {
            instance_id: instance.instance_id.clone(),
            model_name_or_path: self.models.name(),
            model_patch: Some(patch.0.clone()),
            spoiled: false,
        })?;
        if !self.resolved.config.evaluate {
            return Ok(Attempted::Solved(Box::new(Solved { outcome, verdict: None })));
        }
        let config = &self.resolved.config.evaluation;
        let (environment, runs) = (self.environment.as_ref(), self.resolved.config.runs.as_path());
        let judge = Judge { environment, config, worker, runs };
        let (verdict, _) = judge.verdict(instance, Some(&patch), (&self.cell_dir, &dir)).await?;
        Ok(Attempted::Solved(Box::new(Solved { outcome, verdict: Some(verdict) })))
    }

    /// Returns the outcome of an episode that an earlier process finished; one that failed through us does not count.
    fn finished(&self, origin: &Origin, dir: &EpisodeDir, worker: &Worker) -> anyhow::Result<Option<Outcome>> {
        let Some(trajectory) = dir.trajectory(TRAJECTORY)? else { return Ok(None) };
        let Some(outcome) = trajectory.outcome() else { return Ok(None) };
        if outcome.exit_status.class() == OutcomeClass::Infrastructure {
            return Ok(None);
        }
        self.check_origin(&trajectory, origin, dir)?;
        worker.note(&format!("found a finished episode in `{}`; `--fresh` starts over", dir.file("").display()));
        Ok(Some(outcome.clone()))
    }

    /// Refuses an episode that was made from something else than one would be now, and says what.
    fn check_origin(&self, trajectory: &Trajectory, origin: &Origin, dir: &EpisodeDir) -> anyhow::Result<()> {
        let Some(header) = trajectory.header() else { return Ok(()) };
        let different = different(header, origin, &self.fingerprint);
        if different.is_empty() {
            return Ok(());
        }
        bail!(
            "`{}` holds an episode that was made differently: {}\nhint: choose another `--run`, or start over with \
            `--fresh`",
            dir.file(TRAJECTORY).display(),
            in_words(&different)
        )
    }

    /// Returns what an episode on an instance would be made from now.
    async fn origin(&self, instance: &Instance) -> anyhow::Result<Origin> {
        Ok(Origin {
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            instance: digest(&[&serde_json::to_string(instance)?]),
            image: self.environment.image_digest(instance).await,
            parent: self.prefix.as_ref().map(|prefix| prefix.parent().clone()),
            ..self.origin.clone()
        })
    }

    /// Runs an episode; `None` when it was not started because the run is stopping.
    async fn run_episode(
        &self,
        instance: &Instance,
        dir: &EpisodeDir,
        (origin, earlier): (Origin, Option<Trajectory>),
        worker: &Worker,
    ) -> anyhow::Result<Option<Outcome>> {
        let Some(_permit) = worker.unless_drained(worker.permits.sandbox()).await else { return Ok(None) };
        worker.enter(Phase::Sandbox);
        let ready = self.environment.reset(instance).await.context("the sandbox could not be prepared")?;
        let sandbox = ready.sandbox.clone();
        // It was prepared while others were under way, and it is taken away while the next one is.
        let slot = worker.slot().await;
        // Now the image is there, also where it had to be pulled.
        let image = self.environment.image_digest(instance).await;
        let origin = Origin { image, audit: ready.audit.clone(), ..origin };
        let outcome = match &slot {
            Some(_) => {
                worker.enter(Phase::Episode);
                self.cell_dir.begin(dir, &instance.instance_id)?;
                self.run_in(instance, dir, ready, (origin, earlier), worker).await.map(Some)
            }
            None => Ok(None),
        };
        drop(slot);
        if let Err(err) = sandbox.stop().await {
            worker.note(&format!("warning: the sandbox was not removed: {err}"));
        }
        let Some(outcome) = outcome? else { return Ok(None) };
        if outcome.exit_status.class() != OutcomeClass::Infrastructure {
            if let Some(earlier) = dir.trajectory(RESUMED)?
                && let Some(whole) = dir.trajectory(TRAJECTORY)?
                && earlier.holds_more_than(&whole)
            {
                dir.write(&dir.free_name(CUT), &lines(&earlier)?)?;
            }
            dir.remove(RESUMED)?;
        }
        Ok(Some(outcome))
    }

    async fn run_in(
        &self,
        instance: &Instance,
        dir: &EpisodeDir,
        ready: Ready,
        (origin, earlier): (Origin, Option<Trajectory>),
        worker: &Worker,
    ) -> anyhow::Result<Outcome> {
        let info = ready.sandbox.info().clone();
        // Where the model is told that the repository is.
        let told = earlier.as_ref().and_then(Trajectory::header).map_or(&info.root, |header| &header.root);
        let model: Arc<dyn Model> = self.models.for_episode(instance, told, worker)?;
        let header = Header {
            version: 1,
            instance_id: instance.instance_id.clone(),
            environment: self.environment.name().to_owned(),
            agent: self.resolved.plug.name.to_owned(),
            model: model.name().to_owned(),
            config: self.fingerprint.clone(),
            root: info.root,
            sandbox: info.provider.to_owned(),
            isolated: info.isolated,
            history_kept: ready.history_kept,
            tools: Vec::new(),
            origin,
        };
        let inner = FileRecorder::create(&dir.file(TRAJECTORY))?;
        let parts = EpisodeParts {
            instance: instance.clone(),
            sandbox: ready.sandbox,
            baseline: ready.baseline,
            model: worker.permits.model(model, worker.item.clone(), worker.events.clone()),
            toolbox: Toolbox::default(),
            prompts: self.prompts.clone(),
            limits: self.resolved.config.limits.clone(),
            context: self.resolved.config.context.clone(),
            recorder: Box::new(Told { inner, worker: worker.clone() }),
            fresh_sandbox: Some(self.fresh_sandbox(instance)),
            embedder: self.models.embedder(),
            earlier,
            secrets: self.models.secrets(),
        };
        (self.start)(parts, header).await
    }

    fn fresh_sandbox(&self, instance: &Instance) -> FreshSandbox {
        let (environment, instance) = (self.environment.clone(), instance.clone());
        Box::new(move || {
            let (environment, instance) = (environment.clone(), instance.clone());
            Box::pin(async move { environment.reset(&instance).await })
        })
    }

    /// Returns the record that killed or failed attempts left, and keeps it in a file of its own until an attempt ends
    /// well; else the steps from which this cell continues.
    ///
    /// An attempt that was itself killed while it went through the record again has no more than that holds, unless it
    /// asked the model: then it is the one to continue from. Answers that are in the other one alone, which were cut
    /// off as the sandbox did not come to the same state, stay in a file beside it.
    fn unfinished(&self, origin: &Origin, dir: &EpisodeDir, worker: &Worker) -> anyhow::Result<Option<Trajectory>> {
        let (earlier, latest) = (dir.trajectory(RESUMED)?, dir.trajectory(TRAJECTORY)?);
        for attempt in earlier.iter().chain(&latest) {
            self.check_origin(attempt, origin, dir)?;
        }
        let prefix = self.prefix.as_ref().and_then(|prefix| prefix.unfinished(origin, &self.fingerprint));
        if !self.models.are_paid() {
            return Ok(prefix);
        }
        let from = match &self.prefix {
            Some(prefix) if earlier.is_none() && latest.is_none() => format!("`{}`", prefix.parent()),
            _ => "an unfinished episode".to_owned(),
        };
        let record = match (earlier.or(prefix), latest) {
            (Some(earlier), Some(latest)) if latest.asked() => {
                if earlier.holds_more_than(&latest) {
                    dir.write(&dir.free_name(CUT), &lines(&earlier)?)?;
                }
                latest
            }
            (Some(earlier), _) => earlier,
            (None, Some(latest)) => latest,
            (None, None) => return Ok(None),
        };
        if record.completions().next().is_none() {
            return Ok(None);
        }
        dir.write(RESUMED, &lines(&record)?)?;
        worker.note(&format!("continuing with {} answers of {from}", record.completions().count()));
        Ok(Some(record))
    }
}

/// Passes records on and reports each of them.
struct Told {
    inner: FileRecorder,
    worker: Worker,
}

impl Recorder for Told {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        self.inner.append(record)?;
        self.worker.events.tell(&Event::Recorded { item: &self.worker.item, record });
        Ok(())
    }
}

impl Attempt {
    /// Returns the instance.
    pub fn instance(&self) -> Option<&Instance> {
        self.cell.environment.instances().get(self.index)
    }

    fn id(&self) -> &str {
        self.instance().map_or("", |instance| instance.instance_id.as_str())
    }
}

impl Work for Solving {
    type Input = Attempt;
    type Output = (Attempt, Attempted);

    fn endings(&self) -> &'static [&'static str] {
        &["solved", "unsolved", INFRASTRUCTURE]
    }

    fn item(&self, attempt: &Attempt) -> WorkItem {
        let (cell_dir, instance_id) = (&attempt.cell.cell_dir, attempt.id().to_owned());
        WorkItem { cell: cell_dir.name().to_owned(), instance_id, sample: cell_dir.sample(), stage: Stage::Solve }
    }

    async fn work(&self, attempt: Attempt, worker: &Worker) -> Self::Output {
        let attempted = match attempt.instance() {
            Some(instance) => attempt.cell.solve(instance, worker).await,
            None => Err(anyhow!("there is no instance {} in the dataset", attempt.index)),
        };
        let attempted = attempted.unwrap_or_else(|err| Attempted::Failed(format!("{err:#}")));
        (attempt, attempted)
    }

    fn image(&self, attempt: &Attempt) -> Option<NeededImage> {
        wanted(attempt.cell.environment.as_ref(), attempt.instance()?)
    }

    fn ending(&self, (attempt, attempted): &Self::Output) -> Ending {
        let id = attempt.id();
        let (word, line) = match attempted {
            Attempted::Solved(solved) => {
                let is_judged = attempt.cell.resolved.config.evaluate || solved.failed();
                (if is_judged { solved.word() } else { "not_judged" }, describe(id, solved))
            }
            Attempted::Failed(why) => (INFRASTRUCTURE, format!("{id}: {why}")),
            Attempted::Held => ("held", format!("{id}: {}", attempt.cell.cell_dir.held(id))),
            Attempted::GivenUp => ("given_up", format!("{id}: not started")),
        };
        Ending { word, was_kept: matches!(attempted, Attempted::Held | Attempted::GivenUp), line }
    }
}

/// Returns how an episode with this outcome, or with none, ended; `config` is the fingerprint of its settings.
fn ended(outcome: &anyhow::Result<Outcome>, config: &str) -> Ended {
    match outcome {
        Ok(outcome) => Ended {
            exit_status: exit_status(outcome),
            class: outcome.exit_status.class(),
            error: None,
            spending: Some(outcome.spending),
            config: Some(config.to_owned()),
        },
        Err(err) => Ended {
            exit_status: "error".to_owned(),
            class: OutcomeClass::Infrastructure,
            error: Some(format!("{err:#}")),
            spending: None,
            config: Some(config.to_owned()),
        },
    }
}

/// Returns the text of a trajectory.
fn lines(trajectory: &Trajectory) -> anyhow::Result<Vec<u8>> {
    let lines = trajectory.records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok((lines.join("\n") + "\n").into_bytes())
}

/// Returns one line on how an episode ended.
fn describe(instance_id: &str, solved: &Solved) -> String {
    let Outcome { exit_status, patch, spending, .. } = &solved.outcome;
    let ended = match exit_status {
        ExitStatus::Submitted => "submitted".to_owned(),
        ExitStatus::Limit(limit) => format!("stopped by the limit on {}", format!("{limit:?}").to_lowercase()),
        ExitStatus::GaveUp(why) => format!("gave up: {}", short(why)),
        ExitStatus::ModelFailed(why) => format!("the model failed: {why}"),
        ExitStatus::BudgetSpent(why) => format!("not finished: {}", short(why)),
        ExitStatus::SandboxFailed(why) => format!("the sandbox failed: {why}"),
        ExitStatus::SandboxDamaged(how) => format!("the agent broke its sandbox: {}", short(how)),
        ExitStatus::AgentFailed(why) => format!("the agent failed: {why}"),
    };
    let verdict = solved.verdict.as_ref().map_or_else(|| "no verdict".to_owned(), verdict_line);
    let empty = if patch.as_ref().is_some_and(Patch::is_empty) { ", the patch is empty" } else { "" };
    let cost = match spending.unpriced_queries {
        0 => format!("${:.4}", spending.cost),
        _ if spending.cost > 0.0 => {
            format!("${:.4} and {} queries of unknown price", spending.cost, spending.unpriced_queries)
        }
        _ => "cost unknown".to_owned(),
    };
    format!(
        "{instance_id}: {verdict} ({ended}{empty}; {} steps, {} tokens, {cost}, {:.1}s)",
        spending.steps,
        spending.usage.total(),
        spending.seconds
    )
}

impl Solved {
    fn word(&self) -> &'static str {
        match &self.verdict {
            _ if self.failed() => INFRASTRUCTURE,
            Some(verdict) if verdict.report.resolved => "solved",
            _ => "unsolved",
        }
    }

    /// Returns whether something of ours kept the episode from an outcome, or its patch from a verdict.
    pub fn failed(&self) -> bool {
        let broke = |verdict: &Verdict| journal::Ending::of(verdict) == journal::Ending::Infrastructure;
        self.outcome.exit_status.class() == OutcomeClass::Infrastructure || self.verdict.as_ref().is_some_and(broke)
    }
}
