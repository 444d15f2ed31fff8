//! A few small instances that ship with the project: no Docker, no key, no download.
//!
//! [`environment`] gives them over any provider that takes files; [`Demo`] is what the configuration knows of them; [`episode`] returns the recorded episode of an
//! agent that ships with an instance. Each is a folder below `instances`: the repository, the issue, the patches, the test lists.

mod committed;
mod instance;
mod plug;

use std::sync::Arc;

use env_core::{EnvError, Instance, Patch};
use grading::GradingSpec;
use swebench::{Benchmark, Entry};
use tool_core::SandboxProvider;

use crate::committed::Committed;
use crate::instance::{FOLDER, load};

pub use plug::Demo;

/// Returns the environment of the instances that ship with the project.
///
/// # Errors
/// [`EnvError::Unusable`] when a folder is not whole, which the tests of this crate rule out.
pub fn environment(provider: Arc<dyn SandboxProvider>, keep_history: bool) -> Result<Benchmark, EnvError> {
    let instances = FOLDER.dirs().map(load).collect::<Result<Vec<_>, _>>()?;
    Benchmark::new("demo", instances, keep_history, committed(provider))
}

/// Returns the provider as these instances need it: each sandbox begins as a repository of one commit.
pub fn committed(provider: Arc<dyn SandboxProvider>) -> Arc<dyn SandboxProvider> {
    Arc::new(Committed { inner: provider })
}

/// Returns each instance with what logs of it are judged by.
pub fn gradings() -> impl Iterator<Item = (Instance, GradingSpec)> {
    let loaded = FOLDER.dirs().filter_map(|folder| load(folder).ok());
    loaded.filter_map(|Entry { instance, tests, .. }| Some((instance, tests.ok()?.grading)))
}

/// Returns each instance's reference patch with the id, for who looks at what agents did.
pub fn solutions() -> impl Iterator<Item = (String, Patch)> {
    let loaded = FOLDER.dirs().filter_map(|folder| load(folder).ok());
    loaded.filter_map(|Entry { instance, gold, .. }| Some((instance.instance_id, gold?)))
}

/// Returns the recorded trajectory of an agent that ships with an instance.
pub fn episode(instance_id: &str, agent: &str) -> Option<&'static str> {
    FOLDER.get_file(format!("{instance_id}/episode.{agent}.jsonl"))?.contents_utf8()
}

/// Returns whether recorded trajectories of an agent ship with the instances.
pub fn has_episodes(agent: &str) -> bool {
    FOLDER.dirs().filter_map(|folder| folder.path().to_str()).any(|id| episode(id, agent).is_some())
}
