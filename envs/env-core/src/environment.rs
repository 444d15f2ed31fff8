//! An environment: provides the sandbox of an instance, and judges patches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tool_core::{Image, Sandbox};

use crate::{Audited, Baseline, Dialect, EnvError, Instance, Patch, TestLists, Trial, Tried, Verdict};

/// An environment: provides the sandbox of an instance, and judges patches.
#[async_trait]
pub trait Environment: Send + Sync {
    /// Returns the environment's name, such as `swe-bench`.
    fn name(&self) -> &str;

    /// Returns every instance, in the dataset's order.
    fn instances(&self) -> &[Instance];

    /// Starts a sandbox with the repository at the base commit, from which nothing later can be read.
    ///
    /// # Errors
    /// [`EnvError`]; the episode must not start without a [`Ready`].
    async fn reset(&self, instance: &Instance) -> Result<Ready, EnvError>;

    /// Checks that patches of this instance can be judged here, without running anything.
    ///
    /// # Errors
    /// [`EnvError`] with what its row lacks or names that is not known.
    fn check_judging(&self, instance: &Instance) -> Result<(), EnvError>;

    /// Judges a patch in a fresh sandbox; an empty one as any other, so that it shows what the tests say of the base
    /// commit.
    ///
    /// # Errors
    /// [`EnvError`] when no verdict could be reached; what is wrong with the patch is in the [`Verdict`].
    async fn evaluate(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError>;

    /// Runs the tests with a patch in a fresh sandbox, as [`Environment::evaluate`] does, also for an instance whose
    /// row names no tests: its statuses are useful even though its report is not.
    ///
    /// # Errors
    /// As [`Environment::evaluate`].
    async fn run_tests(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError>;

    /// Runs something else than the hidden tests on a patch, in a fresh sandbox in which nothing of these is.
    ///
    /// # Errors
    /// [`EnvError`] when nothing could be run; what goes wrong in the sandbox is in the [`Tried`]. By default nothing can.
    async fn attempt(&self, instance: &Instance, trial: &Trial) -> Result<Tried, EnvError> {
        let _ = trial;
        let reason = format!("`{}` runs no other tests than those that it judges by", self.name());
        Err(EnvError::Unusable { id: instance.instance_id.clone(), reason })
    }

    /// Returns the tests that the instance's row names, and whose rule they follow. For evaluation only.
    ///
    /// # Errors
    /// [`EnvError`] when the instance cannot be judged at all.
    fn lists(&self, instance: &Instance) -> Result<(Dialect, TestLists), EnvError>;

    /// Returns what a verifier outside of this program needs to judge patches of the instance. For evaluation only.
    ///
    /// # Errors
    /// [`EnvError::Unusable`] when patches of it are judged by nothing else than this environment, as by default.
    fn verifier(&self, instance: &Instance) -> Result<Verifier, EnvError> {
        let reason = format!("`{}` has no verifier that runs elsewhere", self.name());
        Err(EnvError::Unusable { id: instance.instance_id.clone(), reason })
    }

    /// Returns a key of how a patch of this instance is judged: tests, script, the image's name,
    /// the limits of the sandbox, and the version of the judging itself. A verdict may be kept for as long as this and
    /// [`Environment::image_digest`] stay the same.
    fn judging_key(&self, instance: &Instance) -> String;

    /// Returns the digest of the image that the instance's sandboxes are started from; `None` where it is not known, as
    /// for an image that is not here yet.
    async fn image_digest(&self, instance: &Instance) -> Option<String>;

    /// Returns the container image that the instance's sandboxes are started from, which is pulled where it is missing;
    /// `None` where no image is pulled.
    fn image(&self, instance: &Instance) -> Option<&Image> {
        let _ = instance;
        None
    }

    /// Returns the gold patch, where the dataset has one. For evaluation only: an agent never holds an
    /// [`Environment`].
    fn gold(&self, instance: &Instance) -> Option<Patch>;
}

/// A sandbox that an episode may start in.
pub struct Ready {
    /// The sandbox, its shell in the repository.
    pub sandbox: Arc<dyn Sandbox>,
    /// What the patch will be taken against.
    pub baseline: Baseline,
    /// Whether the repository's history after the base commit was left in place, by request.
    pub history_kept: bool,
    /// What is known of leaks in its image; `None` where nobody asked.
    pub audit: Option<Audited>,
}

/// What a verifier outside of this program needs to judge patches of an instance. For evaluation only: it holds the
/// hidden tests.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// What its sandbox is started from, as it is before the patch.
    pub image: Image,
    /// The bash script that applies the hidden tests and runs them, in the repository.
    pub script: String,
    /// How long the script may take.
    pub timeout: Duration,
    /// How the script's output is read, as `grading::GradingSpec` is written.
    pub grading: Value,
}
