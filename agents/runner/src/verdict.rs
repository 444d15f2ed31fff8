//! Judges a patch once, and keeps the verdict with what it is on.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use env_core::{EnvError, Environment, Evaluation, Failure, Infra, Instance, Patch, Report, TestGroup};
use grading::{read_report, write_report};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tool_core::SandboxError;

use crate::config::EvaluationConfig;
use crate::console::Console;
use crate::control::{Control, ControlFile, sign};
use crate::run_dir::{InstanceDir, read_text};
use crate::tally::Ending;

/// The verdict on a patch.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The official part.
    pub(crate) report: Report,
    /// Why it is not an ordinary one, when it is not.
    pub(crate) failure: Option<Failure>,
    /// A sign in the log that the environment broke. It explains; it decides nothing.
    pub(crate) infra: Option<Infra>,
    /// What shows that the environment is broken, when the tests do not run without the patch either.
    pub(crate) broken: Option<String>,
}

/// What a verdict is on: a patch, and how it is judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// Digest of the patch.
    patch: String,
    /// How it is judged.
    judging: String,
    /// Digest of the image, where it is known.
    #[serde(default)]
    image: Option<String>,
}

/// `judged.json`: what the `report.json` beside it is the verdict on.
#[derive(Debug, Serialize, Deserialize)]
struct Judged {
    #[serde(flatten)]
    subject: Subject,
    /// Why the verdict is not an ordinary one, when it is not.
    failure: Option<Failure>,
    /// A sign in the log that the environment broke.
    #[serde(default)]
    infra: Option<Infra>,
    /// What shows that the environment is broken, when the tests do not run without the patch either.
    #[serde(default)]
    broken: Option<String>,
}

/// `failed.json`: what infrastructure kept from a verdict.
#[derive(Debug, Serialize, Deserialize)]
struct Failed {
    #[serde(flatten)]
    subject: Subject,
    error: String,
}

/// The longest wait before something is tried again.
const MAX_WAIT: Duration = Duration::from_secs(3600);

const JUDGED: &str = "judged.json";
const FAILED: &str = "failed.json";
const REPORT: &str = "report.json";
const TEST_OUTPUT: &str = "test_output.txt";

/// The files of a verdict.
pub(crate) const VERDICT_FILES: [&str; 4] = [JUDGED, FAILED, REPORT, TEST_OUTPUT];

/// Reaches verdicts.
pub(crate) struct Judge<'a> {
    pub(crate) environment: &'a dyn Environment,
    pub(crate) config: &'a EvaluationConfig,
    pub(crate) console: &'a Console,
    /// The folder of all runs, where control runs are kept.
    pub(crate) runs: &'a Path,
}

impl Judge<'_> {
    /// Judges a patch, or returns the verdict that an earlier process reached on the same patch in the same way, and
    /// whether it did. One that infrastructure is to blame for is not kept. Nothing is run for a patch that is empty.
    pub(crate) async fn verdict(
        &self,
        instance: &Instance,
        patch: Option<&Patch>,
        dir: &InstanceDir,
    ) -> anyhow::Result<(Verdict, bool)> {
        let id = instance.instance_id.as_str();
        let empty = Patch::default();
        let tested = patch.unwrap_or(&empty);
        let mut subject = Subject::new(tested, self.environment, instance).with_image(self.environment, instance).await;
        if let Found::Verdict(verdict) = subject.find(&dir.file(""), id)
            && verdict.ending() != Ending::Infrastructure
        {
            return Ok((*verdict, true));
        }
        // `judged.json` goes first and comes back last: a process killed between leaves no verdict on another patch.
        for name in VERDICT_FILES {
            dir.remove(name)?;
        }
        let evaluated = if tested.is_empty() {
            let report = Report { patch_is_none: patch.is_none(), ..Report::default() };
            Ok((Verdict { report, failure: Some(Failure::EmptyPatch), infra: None, broken: None }, Vec::new()))
        } else {
            self.test(instance, tested, &mut subject).await
        };
        let (verdict, test_output) = match evaluated {
            Ok(evaluated) => evaluated,
            Err(err) => {
                let failed = Failed { subject, error: format!("{err:#}") };
                dir.write(FAILED, &serde_json::to_vec_pretty(&failed)?)?;
                return Err(err.context("no verdict could be had"));
            }
        };
        dir.write(TEST_OUTPUT, &test_output)?;
        dir.write(REPORT, write_report(&verdict.report, id).as_bytes())?;
        let Verdict { failure, infra, broken, .. } = verdict.clone();
        let judged = Judged { subject, failure, infra, broken };
        dir.write(JUDGED, &serde_json::to_vec_pretty(&judged)?)?;
        Ok((verdict, false))
    }

    /// Runs the tests with a patch. Where they gave no result and seem to show a broken environment, the same instance
    /// without the patch tells which of the two is.
    async fn test(
        &self,
        instance: &Instance,
        patch: &Patch,
        subject: &mut Subject,
    ) -> anyhow::Result<(Verdict, Vec<u8>)> {
        let evaluation = self.try_evaluate(instance, patch, Asked::Verdict).await?;
        if subject.image.is_none() {
            // The image may have come only now.
            subject.image = self.environment.image_digest(instance).await;
        }
        let broken = match sign(&evaluation) {
            Some(shown) => self.control(instance, subject, &shown).await?.sign,
            None => None,
        };
        let Evaluation { report, failure, infra, test_output, .. } = evaluation;
        Ok((Verdict { report, failure, infra, broken }, test_output))
    }

    /// Returns what the tests do without a patch.
    async fn control(&self, instance: &Instance, subject: &Subject, shown: &str) -> anyhow::Result<Control> {
        let id = instance.instance_id.as_str();
        let run = async {
            self.console
                .say(&format!("{id}: its tests gave no result ({shown}); they are run without the patch as well"));
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
    ) -> Result<Evaluation, EnvError> {
        let mut wait = Duration::from_secs_f64(self.config.wait);
        for _ in 0..self.config.retries {
            let evaluated = self.evaluate(instance, patch, asked).await;
            let Some(why) = what_broke(&evaluated) else { return evaluated };
            self.console.say(&format!("{}: {why}; tried again in {wait:.1?}", instance.instance_id));
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
        self.evaluate(instance, patch, asked).await
    }

    async fn evaluate(&self, instance: &Instance, patch: &Patch, asked: Asked) -> Result<Evaluation, EnvError> {
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
fn what_broke(evaluated: &Result<Evaluation, EnvError>) -> Option<String> {
    match evaluated {
        Err(EnvError::Sandbox(SandboxError::Unsupported(_) | SandboxError::Damaged(_))) => None,
        Err(EnvError::Sandbox(err)) => Some(err.to_string()),
        Ok(_) | Err(_) => None,
    }
}

/// Returns the word by which files name a value.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What a run folder holds on a subject.
pub(crate) enum Found {
    /// The verdict.
    Verdict(Box<Verdict>),
    /// That infrastructure kept it from one.
    Infrastructure,
    /// Nothing, or something on another patch or way of judging, or something damaged.
    Nothing,
}

impl Subject {
    /// Returns what a verdict on this patch would be on.
    pub(crate) fn new(patch: &Patch, environment: &dyn Environment, instance: &Instance) -> Self {
        Self { patch: patch.digest(), judging: environment.judging_key(instance), image: None }
    }

    /// Returns the same with the digest of the image that is there now.
    pub(crate) async fn with_image(self, environment: &dyn Environment, instance: &Instance) -> Self {
        Self { image: environment.image_digest(instance).await, ..self }
    }

    /// Returns whether a verdict on one is one on the other. Without an image to compare, its name has to do.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let differ = |ours: &String| other.image.as_ref().is_some_and(|theirs| theirs != ours);
        self.patch == other.patch && self.judging == other.judging && !self.image.as_ref().is_some_and(differ)
    }

    /// Returns what an instance's folder holds on this.
    pub(crate) fn find(&self, folder: &Path, id: &str) -> Found {
        let read = |name: &str| read_text(&folder.join(name)).ok().flatten();
        let judged = read(JUDGED).and_then(|text| serde_json::from_str::<Judged>(&text).ok());
        if let Some(judged) = judged.filter(|judged| judged.subject.is(self))
            && let Some(report) = read(REPORT).and_then(|text| read_report(&text, id).ok())
        {
            let Judged { failure, infra, broken, .. } = judged;
            return Found::Verdict(Box::new(Verdict { report, failure, infra, broken }));
        }
        match read(FAILED).and_then(|text| serde_json::from_str::<Failed>(&text).ok()) {
            Some(failed) if failed.subject.is(self) => Found::Infrastructure,
            _ => Found::Nothing,
        }
    }
}

impl Verdict {
    /// Returns which of the ways to end this is.
    pub(crate) fn ending(&self) -> Ending {
        if self.broken.is_some() {
            return Ending::Infrastructure;
        }
        match self.failure {
            None if self.report.resolved => Ending::Solved,
            None => Ending::Unsolved,
            Some(Failure::EmptyPatch) => Ending::Empty,
            Some(Failure::PatchNotApplied) => Ending::NotApplied,
            Some(Failure::TestsTimedOut) => Ending::TimedOut,
            Some(Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged) => Ending::Errored,
        }
    }

    /// Returns the verdict in a few words.
    pub(crate) fn line(&self) -> String {
        let why = match self.failure {
            None => self.counts(),
            Some(failure @ (Failure::TestsErrored | Failure::LogContradicted | Failure::SandboxDamaged)) => {
                format!(" ({failure}; see {TEST_OUTPUT})")
            }
            Some(failure) => format!(" ({failure})"),
        };
        let broken = match &self.broken {
            Some(sign) => format!(", infrastructure: the tests do not run without the patch either, {sign}"),
            None => String::new(),
        };
        format!("resolved: {}{why}{broken}", self.report.resolved)
    }

    /// Returns the counts of passed tests, as in ` (FAIL_TO_PASS 1/1, PASS_TO_PASS 12/12)`.
    fn counts(&self) -> String {
        let Some(status) = &self.report.tests_status else { return String::new() };
        let count = |group: &TestGroup| {
            let passed = group.success.len();
            format!("{passed}/{}", passed + group.failure.len())
        };
        format!(" (FAIL_TO_PASS {}, PASS_TO_PASS {})", count(&status.fail_to_pass), count(&status.pass_to_pass))
    }
}

#[cfg(test)]
mod tests;
