//! A few small instances that ship with the project: no Docker, no key, no download.
//!
//! [`environment`] poses them over any provider that takes files; [`episode`] returns the recorded episode that ships
//! with an instance. Each is a folder below `instances`: the repository, the issue, the patches, the test lists.

mod committed;
mod instance;

use std::sync::Arc;

use env_core::{Benchmark, EnvError, GradingSpec};
use tool_core::SandboxProvider;

use crate::committed::Committed;
use crate::instance::{FOLDER, load};

/// Returns the environment of the instances that ship with the project.
///
/// # Errors
/// [`EnvError::Unusable`] when a folder is not whole, which the tests of this crate rule out.
pub fn environment(provider: Arc<dyn SandboxProvider>, keep_history: bool) -> Result<Benchmark, EnvError> {
    let instances = FOLDER.dirs().map(load).collect::<Result<Vec<_>, _>>()?;
    Benchmark::new("demo", instances, keep_history, Arc::new(Committed { inner: provider }))
}

/// Returns what logs of an instance are judged by, or nothing when there is no such instance.
pub fn grading(instance_id: &str) -> Option<GradingSpec> {
    let folder =
        FOLDER.dirs().find(|dir| dir.path().to_str().is_some_and(|id| id.eq_ignore_ascii_case(instance_id)))?;
    let (_, posed) = load(folder).ok()?;
    posed.judging.ok().map(|judging| judging.grading)
}

/// Returns the recorded trajectory that ships with an instance.
pub fn episode(instance_id: &str) -> Option<&'static str> {
    FOLDER.get_file(format!("{instance_id}/episode.jsonl"))?.contents_utf8()
}
