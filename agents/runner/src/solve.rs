//! One instance from start to verdict.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{EpisodeParts, ExitStatus, FreshSandbox, Header, Model, Origin, Outcome, OutcomeClass, Trajectory};
use anyhow::{Context, bail};
use env_core::{Environment, Instance, Patch, Ready};
use tool_core::Toolbox;

use crate::asked::Ended;
use crate::config::{Resolved, digest};
use crate::console::{Console, Narrator, say, short};
use crate::differences::{different, in_words};
use crate::models::Models;
use crate::predictions::Prediction;
use crate::run_dir::{FileRecorder, InstanceDir, RunDir};
use crate::tally::Ending;
use crate::verdict::{Judge, VERDICT_FILES, Verdict};

/// All that the episodes of one cell share.
pub(crate) struct Cell {
    pub(crate) resolved: Resolved,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) models: Models,
    pub(crate) prompts: prompts::Prompts,
    pub(crate) run_dir: RunDir,
    /// A commit of the hub, or a digest of the file of rows.
    pub(crate) dataset_revision: Option<String>,
}

/// What came of one instance.
pub(crate) struct Solved {
    pub(crate) outcome: Outcome,
    pub(crate) verdict: Option<Verdict>,
}

const TRAJECTORY: &str = "trajectory.jsonl";
/// The unfinished trajectory that a running one resumes.
const RESUMED: &str = "trajectory.resumed.jsonl";
/// Answers that were paid for and are no part of the episode: `trajectory.cut.1.jsonl` and so on.
const CUT: &str = "trajectory.cut";

impl Cell {
    /// Solves an instance and judges the patch, going on from where an earlier process was killed.
    pub(crate) async fn solve(&self, instance: &Instance, fresh: bool) -> anyhow::Result<Solved> {
        let dir = self.run_dir.instance(&instance.instance_id)?;
        if fresh {
            for name in [TRAJECTORY, RESUMED, "patch.diff"].into_iter().chain(VERDICT_FILES) {
                dir.remove(name)?;
            }
            Ended::forget(&dir)?;
            self.run_dir.drop_prediction(&instance.instance_id)?;
        }
        let origin = self.origin(instance).await?;
        let outcome = match self.finished(&origin, &dir)? {
            Some(outcome) => outcome,
            None => {
                let earlier = self.unfinished(&origin, &dir)?;
                Ended::forget(&dir)?;
                let outcome = self.run_episode(instance, &dir, (origin, earlier)).await;
                Ended::of(&outcome).write(&dir)?;
                outcome?
            }
        };
        let patch = match (&outcome.patch, outcome.exit_status.class()) {
            (Some(patch), OutcomeClass::Submitted | OutcomeClass::AgentLimit) => patch.clone(),
            _ => return Ok(Solved { outcome, verdict: None }),
        };
        dir.write("patch.diff", patch.0.as_bytes())?;
        self.run_dir.put_prediction(&Prediction {
            instance_id: instance.instance_id.clone(),
            model_name_or_path: self.models.name(),
            model_patch: Some(patch.0.clone()),
            spoiled: false,
        })?;
        if !self.resolved.config.evaluate {
            return Ok(Solved { outcome, verdict: None });
        }
        let config = &self.resolved.config.evaluation;
        let (environment, runs) = (self.environment.as_ref(), self.resolved.config.runs.as_path());
        let judge = Judge { environment, config, console: &Console::default(), runs };
        let (verdict, _) = judge.verdict(instance, Some(&patch), &dir).await?;
        Ok(Solved { outcome, verdict: Some(verdict) })
    }

    /// Returns the outcome of an episode that an earlier process finished; one that failed through us does not count.
    fn finished(&self, origin: &Origin, dir: &InstanceDir) -> anyhow::Result<Option<Outcome>> {
        let Some(trajectory) = dir.trajectory(TRAJECTORY)? else { return Ok(None) };
        let Some(outcome) = trajectory.outcome() else { return Ok(None) };
        if outcome.exit_status.class() == OutcomeClass::Infrastructure {
            return Ok(None);
        }
        self.check_origin(&trajectory, origin, dir)?;
        say(&format!("found a finished episode in `{}`; `--fresh` starts over", dir.file("").display()));
        Ok(Some(outcome.clone()))
    }

    /// Refuses an episode that was made from something else than one would be now, and says what.
    fn check_origin(&self, trajectory: &Trajectory, origin: &Origin, dir: &InstanceDir) -> anyhow::Result<()> {
        let Some(header) = trajectory.header() else { return Ok(()) };
        let different = different(header, origin, &self.resolved.fingerprint());
        if different.is_empty() {
            return Ok(());
        }
        bail!(
            "`{}` holds an episode of another making: {}\nhint: choose another `--run`, or start over with `--fresh`",
            dir.file(TRAJECTORY).display(),
            in_words(&different)
        )
    }

    /// Returns what an episode on an instance would be made from now.
    async fn origin(&self, instance: &Instance) -> anyhow::Result<Origin> {
        let prompts = crate::models::digest_of_prompts(self.resolved.config.prompts.as_deref())?;
        Ok(Origin {
            spotter: env!("CARGO_PKG_VERSION").to_owned(),
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            settings: serde_json::to_value(self.resolved.identity())?,
            instance: digest(&[&serde_json::to_string(instance)?]),
            prompts: digest(&[&prompts, self.resolved.inputs()]),
            dataset: self.resolved.config.env.dataset.clone(),
            dataset_revision: self.dataset_revision.clone(),
            image: self.environment.image_digest(instance).await,
            sample: 0,
        })
    }

    async fn run_episode(
        &self,
        instance: &Instance,
        dir: &InstanceDir,
        (origin, earlier): (Origin, Option<Trajectory>),
    ) -> anyhow::Result<Outcome> {
        let ready = self.environment.reset(instance).await.context("the sandbox could not be made ready")?;
        let sandbox = ready.sandbox.clone();
        // Now the image is there, also where it had to be pulled.
        let origin = Origin { image: self.environment.image_digest(instance).await, ..origin };
        let outcome = self.run_in(instance, dir, ready, (origin, earlier)).await;
        if let Err(err) = sandbox.stop().await {
            say(&format!("warning: the sandbox was not removed: {err}"));
        }
        let outcome = outcome?;
        if outcome.exit_status.class() != OutcomeClass::Infrastructure {
            let (earlier, whole) = (dir.trajectory(RESUMED)?, dir.trajectory(TRAJECTORY)?);
            if let (Some(earlier), Some(whole)) = (earlier, whole)
                && earlier.holds_more_than(&whole)
            {
                dir.write(&dir.free_name(CUT), &lines(&earlier)?)?;
            }
            dir.remove(RESUMED)?;
        }
        Ok(outcome)
    }

    async fn run_in(
        &self,
        instance: &Instance,
        dir: &InstanceDir,
        ready: Ready,
        (origin, earlier): (Origin, Option<Trajectory>),
    ) -> anyhow::Result<Outcome> {
        let info = ready.sandbox.info().clone();
        let model: Arc<dyn Model> = self.models.for_episode(instance, &info.root)?;
        let header = Header {
            version: 1,
            instance_id: instance.instance_id.clone(),
            environment: self.environment.name().to_owned(),
            agent: self.resolved.plug.name.to_owned(),
            model: model.name().to_owned(),
            config: self.resolved.fingerprint(),
            root: info.root,
            sandbox: info.provider.to_owned(),
            isolated: info.isolated,
            history_kept: ready.history_kept,
            tools: Vec::new(),
            origin,
        };
        let recorder = FileRecorder::create(&dir.file(TRAJECTORY))?;
        let parts = EpisodeParts {
            instance: instance.clone(),
            sandbox: ready.sandbox,
            baseline: ready.baseline,
            model,
            toolbox: Toolbox::default(),
            prompts: self.prompts.clone(),
            limits: self.resolved.config.limits.clone(),
            context: self.resolved.config.context.clone(),
            recorder: Box::new(Narrator::new(recorder)),
            fresh_sandbox: Some(self.fresh_sandbox(instance)),
            embedder: self.models.embedder(),
            earlier,
            secrets: self.models.secrets(),
        };
        (self.resolved.start)(parts, header).await
    }

    fn fresh_sandbox(&self, instance: &Instance) -> FreshSandbox {
        let (environment, instance) = (self.environment.clone(), instance.clone());
        Box::new(move || {
            let (environment, instance) = (environment.clone(), instance.clone());
            Box::pin(async move { environment.reset(&instance).await })
        })
    }

    /// Returns the record that killed or failed attempts left, and keeps it in a file of its own until an attempt ends
    /// well.
    ///
    /// An attempt that was itself killed while it went through the record again has no more than that holds, unless it
    /// asked the model: then it is the one to go on from. Answers that are in the other one alone, which were cut off as
    /// the sandbox did not come to the same state, stay in a file beside it.
    fn unfinished(&self, origin: &Origin, dir: &InstanceDir) -> anyhow::Result<Option<Trajectory>> {
        let (earlier, latest) = (dir.trajectory(RESUMED)?, dir.trajectory(TRAJECTORY)?);
        for attempt in earlier.iter().chain(&latest) {
            self.check_origin(attempt, origin, dir)?;
        }
        if !self.models.are_paid() {
            return Ok(None);
        }
        let record = match (earlier, latest) {
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
        say(&format!("going on with {} answers of an unfinished episode", record.completions().count()));
        Ok(Some(record))
    }
}

/// Returns the text of a trajectory.
fn lines(trajectory: &Trajectory) -> anyhow::Result<Vec<u8>> {
    let lines = trajectory.records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok((lines.join("\n") + "\n").into_bytes())
}

/// Returns one line on how an episode ended.
pub(crate) fn describe(instance_id: &str, solved: &Solved) -> String {
    let Outcome { exit_status, patch, spending, .. } = &solved.outcome;
    let ended = match exit_status {
        ExitStatus::Submitted => "submitted".to_owned(),
        ExitStatus::Limit(limit) => format!("stopped by the limit on {}", format!("{limit:?}").to_lowercase()),
        ExitStatus::GaveUp(why) => format!("gave up: {}", short(why)),
        ExitStatus::ModelFailed(why) => format!("the model failed: {why}"),
        ExitStatus::SandboxFailed(why) => format!("the sandbox failed: {why}"),
        ExitStatus::SandboxDamaged(how) => format!("the agent broke its sandbox: {}", short(how)),
        ExitStatus::AgentFailed(why) => format!("the agent failed: {why}"),
    };
    let verdict = solved.verdict.as_ref().map_or_else(|| "no verdict".to_owned(), Verdict::line);
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
    /// Returns whether something of ours kept the episode from an outcome, or its patch from a verdict.
    pub(crate) fn failed(&self) -> bool {
        let broke = |verdict: &Verdict| verdict.ending() == Ending::Infrastructure;
        self.outcome.exit_status.class() == OutcomeClass::Infrastructure || self.verdict.as_ref().is_some_and(broke)
    }
}
