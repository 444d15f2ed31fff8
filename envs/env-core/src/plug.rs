//! An environment as the configuration knows it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tool_core::SandboxProvider;

use crate::Environment;

/// Why an environment could not be opened; its sources say more.
pub type OpenError = Box<dyn Error + Send + Sync>;

/// An environment as the configuration knows it: its name, the datasets that it supports, and how to open it.
#[async_trait]
pub trait EnvironmentPlug: Send + Sync {
    /// Returns the environment's name.
    fn name(&self) -> &'static str;

    /// Returns the values of `env.kind` that it answers to.
    fn kinds(&self) -> Vec<String>;

    /// Returns whether a dataset, as `env.dataset` names it, is one of this environment. The first environment that
    /// says so opens it.
    fn takes(&self, dataset: &str) -> bool;

    /// Returns the dataset that an instance belongs to by its id; `None` when it is none of this environment's.
    fn dataset_of(&self, instance_id: &str) -> Option<String>;

    /// Returns the provider of sandboxes that is taken when none is configured; `None` for the usual one.
    fn sandbox(&self) -> Option<&'static str> {
        None
    }

    /// Returns whether its patches can be judged strictly.
    fn judges_strictly(&self) -> bool {
        true
    }

    /// Returns the revision of a dataset of this environment: a commit, or a digest of a file; `None` where it has
    /// none.
    fn revision(&self, _dataset: &str) -> Option<String> {
        None
    }

    /// Returns where recorded episodes of an agent are found by the id of their instance, if any ship with the
    /// environment.
    fn recorded(&self, _agent: &str) -> Option<RecordedEpisodes> {
        None
    }

    /// Opens the environment. The dataset is read before the first sandbox is asked for.
    ///
    /// # Errors
    /// [`OpenError`] when the dataset is not available, its settings are not valid, or no sandbox is available.
    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError>;
}

/// Finds the recorded episode, a trajectory as its file holds it, of an instance by its id.
pub type RecordedEpisodes = Box<dyn Fn(&str) -> Option<&'static str> + Send + Sync>;

/// What is needed to open an environment.
pub struct EnvironmentRequest<'a> {
    /// The dataset: a name, or a path.
    pub dataset: &'a str,
    /// The value of `env.kind`, one of the environment's kinds; absent: by the dataset.
    pub kind: Option<&'a str>,
    /// The block `env` of the configuration, as JSON; an environment reads the keys that it knows.
    pub settings: Value,
    /// Whether repositories keep their history after the base commit, where an agent could find the fix.
    pub keep_history: bool,
    /// The folder of all runs, beside which the certificates of images are.
    pub runs: &'a Path,
    /// Where its sandboxes come from.
    pub providers: &'a dyn SandboxProviders,
}

/// The providers of an environment's sandboxes.
#[async_trait]
pub trait SandboxProviders: Send + Sync {
    /// Returns the provider of the sandboxes that episodes run in.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be reached.
    async fn of_episodes(&self) -> Result<Arc<dyn SandboxProvider>, OpenError>;

    /// Returns the provider of the sandboxes that patches are judged in, which may be the one `of_episodes`, and what
    /// of its limits can change a verdict, in words.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be reached.
    async fn of_judging(
        &self,
        of_episodes: &Arc<dyn SandboxProvider>,
    ) -> Result<(Arc<dyn SandboxProvider>, String), OpenError>;
}
