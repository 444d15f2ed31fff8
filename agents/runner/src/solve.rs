//! One instance from start to verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_core::{EpisodeParts, ExitStatus, Header, Model, Outcome, OutcomeClass, Spare, Trajectory};
use anyhow::{Context, bail};
use env_core::{Environment, Evaluation, Failure, Instance, Patch, Ready, Report};
use serde::{Deserialize, Serialize};
use tool_core::Toolbox;

use crate::config::Resolved;
use crate::console::{Narrator, say};
use crate::models::Models;
use crate::run_dir::{FileRecorder, InstanceDir, Prediction, RunDir};

/// All that the episodes of one cell share.
pub(crate) struct Cell {
    pub(crate) resolved: Resolved,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) models: Models,
    pub(crate) prompts: prompts::Prompts,
    pub(crate) run_dir: RunDir,
}

/// What came of one instance.
pub(crate) struct Solved {
    pub(crate) outcome: Outcome,
    pub(crate) report: Option<Report>,
}

const TRAJECTORY: &str = "trajectory.jsonl";
/// The unfinished trajectory that a running one resumes.
const RESUMED: &str = "trajectory.resumed.jsonl";

impl Cell {
    /// Solves an instance and judges the patch, going on from where an earlier process was killed.
    pub(crate) async fn solve(&self, instance: &Instance, fresh: bool) -> anyhow::Result<Solved> {
        let dir = self.run_dir.instance(&instance.instance_id)?;
        if fresh {
            for name in [TRAJECTORY, RESUMED, "patch.diff", "report.json", "test_output.txt"] {
                dir.remove(name)?;
            }
        }
        let outcome = match self.finished(&dir)? {
            Some(outcome) => outcome,
            None => self.run_episode(instance, &dir).await?,
        };
        let patch = match (&outcome.patch, outcome.exit_status.class()) {
            (Some(patch), OutcomeClass::Submitted | OutcomeClass::AgentLimit) => patch.clone(),
            _ => return Ok(Solved { outcome, report: None }),
        };
        dir.write("patch.diff", patch.0.as_bytes())?;
        self.run_dir.put_prediction(&Prediction {
            instance_id: instance.instance_id.clone(),
            model_name_or_path: self.models.name(),
            model_patch: Some(patch.0.clone()),
        })?;
        if !self.resolved.config.evaluate {
            return Ok(Solved { outcome, report: None });
        }
        let report = judge(self.environment.as_ref(), instance, &patch, &dir).await?;
        Ok(Solved { outcome, report: Some(report) })
    }

    /// Returns the outcome of an episode that an earlier process finished; one that failed through us does not count.
    fn finished(&self, dir: &InstanceDir) -> anyhow::Result<Option<Outcome>> {
        let Some(trajectory) = dir.trajectory(TRAJECTORY)? else { return Ok(None) };
        let Some(outcome) = trajectory.outcome() else { return Ok(None) };
        if outcome.exit_status.class() == OutcomeClass::Infrastructure {
            return Ok(None);
        }
        self.check_settings(&trajectory, dir)?;
        say(&format!("found a finished episode in `{}`; `--fresh` starts over", dir.file("").display()));
        Ok(Some(outcome.clone()))
    }

    fn check_settings(&self, trajectory: &Trajectory, dir: &InstanceDir) -> anyhow::Result<()> {
        let ours = self.resolved.fingerprint();
        match trajectory.header() {
            Some(header) if header.config != ours => bail!(
                "`{}` holds an episode with other settings\nhint: choose another `--run`, or start over with `--fresh`",
                dir.file(TRAJECTORY).display()
            ),
            _ => Ok(()),
        }
    }

    async fn run_episode(&self, instance: &Instance, dir: &InstanceDir) -> anyhow::Result<Outcome> {
        let earlier = self.unfinished(dir)?;
        let ready = self.environment.reset(instance).await.context("the sandbox could not be made ready")?;
        let sandbox = ready.sandbox.clone();
        let outcome = self.run_in(instance, dir, ready, earlier).await;
        if let Err(err) = sandbox.stop().await {
            say(&format!("warning: the sandbox was not removed: {err}"));
        }
        let outcome = outcome?;
        dir.remove(RESUMED)?;
        Ok(outcome)
    }

    async fn run_in(
        &self,
        instance: &Instance,
        dir: &InstanceDir,
        ready: Ready,
        earlier: Option<Trajectory>,
    ) -> anyhow::Result<Outcome> {
        let info = ready.sandbox.info().clone();
        let model: Arc<dyn Model> = self.models.for_episode(instance, &info.root, earlier)?;
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
            spare: Some(self.spare(instance)),
        };
        (self.resolved.plug.run)(self.resolved.agent_settings.clone(), parts, header).await
    }

    fn spare(&self, instance: &Instance) -> Spare {
        let (environment, instance) = (self.environment.clone(), instance.clone());
        Box::new(move || {
            let (environment, instance) = (environment.clone(), instance.clone());
            Box::pin(async move { environment.reset(&instance).await })
        })
    }

    /// Returns the answers that a killed process had already paid for, and sets their file aside until they are used.
    fn unfinished(&self, dir: &InstanceDir) -> anyhow::Result<Option<Trajectory>> {
        let (current, resumed) = (dir.trajectory(TRAJECTORY)?, dir.trajectory(RESUMED)?);
        let paid = |trajectory: &Option<Trajectory>| trajectory.as_ref().map_or(0, |found| found.completions().count());
        let best = if paid(&current) > paid(&resumed) {
            dir.rename(TRAJECTORY, RESUMED)?;
            current
        } else {
            resumed
        };
        let Some(trajectory) = best.filter(|trajectory| trajectory.completions().count() > 0) else { return Ok(None) };
        self.check_settings(&trajectory, dir)?;
        Ok(Some(trajectory))
    }
}

/// `judged.json`: what the `report.json` beside it is the verdict on.
#[derive(PartialEq, Serialize, Deserialize)]
struct Judged {
    /// Digest of the patch.
    patch: String,
    /// How it was judged.
    judging: String,
    /// Why the verdict is not an ordinary one, when it is not.
    failure: Option<Failure>,
}

/// Judges a patch, or returns the verdict that an earlier process reached on the same patch.
pub(crate) async fn judge(
    environment: &dyn Environment,
    instance: &Instance,
    patch: &Patch,
    dir: &InstanceDir,
) -> anyhow::Result<Report> {
    let id = instance.instance_id.as_str();
    let judging = environment.judging_key(instance);
    let judged = |failure| Judged { patch: patch.digest(), judging: judging.clone(), failure };
    if dir.read_json::<Judged>("judged.json")?.is_some_and(|kept| kept == judged(kept.failure))
        && let Some(mut reports) = dir.read_json::<BTreeMap<String, Report>>("report.json")?
        && let Some(report) = reports.remove(id)
    {
        return Ok(report);
    }
    let Evaluation { report, test_output, failure } =
        environment.evaluate(instance, patch).await.context("no verdict could be had")?;
    dir.write("test_output.txt", &test_output)?;
    dir.write_json("report.json", &BTreeMap::from([(id, &report)]))?;
    dir.write_json("judged.json", &judged(failure))?;
    Ok(report)
}

/// Returns one line on how an episode ended.
pub(crate) fn describe(instance_id: &str, solved: &Solved) -> String {
    let Outcome { exit_status, patch, spending } = &solved.outcome;
    let ended = match exit_status {
        ExitStatus::Submitted => "submitted".to_owned(),
        ExitStatus::Limit(limit) => format!("stopped by the limit on {}", format!("{limit:?}").to_lowercase()),
        ExitStatus::ModelFailed(why) => format!("the model failed: {why}"),
        ExitStatus::SandboxFailed(why) => format!("the sandbox failed: {why}"),
        ExitStatus::AgentFailed(why) => format!("the agent failed: {why}"),
    };
    let verdict = match &solved.report {
        Some(report) => format!("resolved: {}", report.resolved),
        None => "no verdict".to_owned(),
    };
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
    /// Returns whether something of ours kept the episode from an outcome.
    pub(crate) fn failed(&self) -> bool {
        self.outcome.exit_status.class() == OutcomeClass::Infrastructure
    }
}
