//! Judges a patch once, and keeps the verdict with what it is on.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use env_core::{EnvError, Environment, Failure, Instance, Patch, Report, Trial, Tried, Verdict};
use grading::write_report;
use journal::{CellDir, Ending, EpisodeDir, Failed, Found, Judged, Subject, TEST_OUTPUT, VERDICT_FILES};
use tool_core::SandboxError;

use super::control::{Control, ControlFile, sign};
use crate::config::EvaluationConfig;
use crate::engine::{Phase, Worker};

/// The longest wait before something is retried.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Reaches verdicts.
pub struct Judge<'a> {
    /// Runs the tests.
    pub environment: &'a dyn Environment,
    /// What is done when infrastructure breaks.
    pub config: &'a EvaluationConfig,
    /// What works on it.
    pub worker: &'a Worker,
    /// The folder of all runs, where control runs are kept.
    pub runs: &'a Path,
}

impl Judge<'_> {
    /// Judges a patch, or returns the verdict that an earlier process reached on the same patch in the same way, and
    /// whether it did. One that infrastructure is to blame for is not kept. Nothing is run for a patch that is empty.
    pub(crate) async fn verdict(
        &self,
        instance: &Instance,
        patch: Option<&Patch>,
        (cell_dir, dir): (&CellDir, &EpisodeDir),
    ) -> anyhow::Result<(Verdict, bool)> {
        let id = instance.instance_id.as_str();
        let empty = Patch::default();
        let tested = patch.unwrap_or(&empty);
        let mut subject = Subject::new(tested, self.environment, instance).with_image(self.environment, instance).await;
        if let Found::Verdict(verdict) = cell_dir.find(&subject, id)
            && Ending::of(&verdict) != Ending::Infrastructure
        {
            return Ok((*verdict, true));
        }
        // The journal's word on it comes last: a process killed before leaves no verdict on another patch.
        for name in VERDICT_FILES {
            dir.remove(name)?;
        }
        let evaluated = if tested.is_empty() {
            let report = Report { patch_is_none: patch.is_none(), ..Report::default() };
            Ok(Verdict { report, failure: Some(Failure::EmptyPatch), ..Verdict::default() })
        } else {
            self.test(instance, tested, &mut subject).await
        };
        let verdict = match evaluated {
            Ok(verdict) => verdict,
            Err(err) => {
                let failed = Failed { subject, error: format!("{err:#}") };
                cell_dir.fail(dir, id, failed)?;
                return Err(err.context("no verdict could be reached"));
            }
        };
        dir.write(TEST_OUTPUT, &verdict.test_output)?;
        dir.write("report.json", write_report(&verdict.report, id).as_bytes())?;
        cell_dir.judge(dir, id, Judged::new(&verdict, subject))?;
        Ok((verdict, false))
    }

    /// Runs the tests with a patch. Where they gave no result and seem to show a broken environment, the same instance
    /// without the patch tells which of the two is.
    async fn test(&self, instance: &Instance, patch: &Patch, subject: &mut Subject) -> anyhow::Result<Verdict> {
        let verdict = self.try_evaluate(instance, patch, Asked::Verdict).await?;
        if subject.image.is_none() {
            // The image may have come only now.
            subject.image = self.environment.image_digest(instance).await;
        }
        let broken = match sign(&verdict) {
            Some(shown) => self.control(instance, subject, &shown).await?.sign,
            None => None,
        };
        Ok(Verdict { broken, ..verdict })
    }

    /// Returns what the tests do without a patch.
    async fn control(&self, instance: &Instance, subject: &Subject, shown: &str) -> anyhow::Result<Control> {
        let id = instance.instance_id.as_str();
        let run = async {
            self.worker
                .note(&format!("{id}: its tests gave no result ({shown}); they are run without the patch as well"));
            let tested = self.try_evaluate(instance, &Patch::default(), Asked::Tests).await;
            tested.context("the tests could not be run without the patch")
        };
        ControlFile::new(self.runs, &subject.judging, subject.image.as_deref()).get(id, run).await
    }

    /// Has a patch evaluated, and again after a while when infrastructure broke. What a log says is no reason to.
    pub(crate) async fn try_evaluate(
        &self,
        instance: &Instance,
        patch: &Patch,
        asked: Asked,
    ) -> Result<Verdict, EnvError> {
        self.again(instance, || self.evaluate(instance, patch, asked)).await
    }

    /// Makes a trial, and again after a while when infrastructure broke.
    ///
    /// # Errors
    /// When infrastructure went on to break, or the instance is none of which other tests can be run.
    pub async fn attempt(&self, instance: &Instance, trial: &Trial) -> Result<Tried, EnvError> {
        let once = || async {
            let image = self.worker.permits.image(self.environment, instance).await;
            let _image = image.map_err(|err| EnvError::Sandbox(SandboxError::Image(format!("{err:#}"))))?;
            let _permit = self.worker.permits.judging().await;
            self.environment.attempt(instance, trial).await
        };
        self.again(instance, once).await
    }

    /// Does something, and again after a while as long as infrastructure breaks and tries are left.
    async fn again<T, F: Future<Output = Result<T, EnvError>>>(
        &self,
        instance: &Instance,
        once: impl Fn() -> F,
    ) -> Result<T, EnvError> {
        let mut wait = Duration::from_secs_f64(self.config.wait);
        for _ in 0..self.config.retries {
            let done = once().await;
            let Some(why) = what_broke(&done) else { return done };
            self.worker.note(&format!("{}: {why}; tried again in {wait:.1?}", instance.instance_id));
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
        once().await
    }

    async fn evaluate(&self, instance: &Instance, patch: &Patch, asked: Asked) -> Result<Verdict, EnvError> {
        let image = self.worker.permits.image(self.environment, instance).await;
        let _image = image.map_err(|err| EnvError::Sandbox(SandboxError::Image(format!("{err:#}"))))?;
        let _permit = self.worker.permits.judging().await;
        self.worker.enter(Phase::Judging);
        match asked {
            Asked::Verdict => self.environment.evaluate(instance, patch).await,
            Asked::Tests => self.environment.run_tests(instance, patch).await,
        }
    }
}

/// What an evaluation is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    /// The verdict on a patch, by the tests that the row names.
    Verdict,
    /// What each test does; the row need not name any.
    Tests,
}

/// Returns what of the infrastructure broke; `None` when nothing did or trying again cannot help.
fn what_broke<T>(evaluated: &Result<T, EnvError>) -> Option<String> {
    match evaluated {
        Err(EnvError::Sandbox(SandboxError::Unsupported(_) | SandboxError::Damaged(_))) => None,
        Err(EnvError::Sandbox(err)) => Some(err.to_string()),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
