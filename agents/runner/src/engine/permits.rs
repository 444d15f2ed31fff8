//! How much of each kind is under way at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use agent_core::{Completion, Model, ModelError, Request};
use async_trait::async_trait;
use env_core::{Environment, Instance};
use images::{ImageBudget, ImageGuard, NeededImage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
use tool_core::{Size, Source};

use super::admission::{Admission, Admitted};
use super::events::{Event, Events};
use super::item::WorkItem;

/// How many of each kind may run at once, regardless of the number of workers; `null` is as many as there are workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PermitsConfig {
    /// Requests to the model.
    pub model: Option<usize>,
    /// Sandboxes of agents.
    pub sandbox: Option<usize>,
    /// Patches that are judged.
    pub judging: Option<usize>,
    /// Further items of a sweep that are prepared or finished beside those of the workers: sandboxes start ahead while
    /// others wait for the model, and patches are judged afterwards; `null` is a quarter of the workers, at least 2.
    pub spare: Option<usize>,
    /// Memory of the machine that is kept free: while less is free, no further sandbox starts. Default `1g`.
    pub memory_free: Size,
    /// Disk space below the folder of runs that is kept free, in the same way. Default `2g`.
    pub disk_free: Size,
    /// Load of the last minute for each core above which no further sandbox starts; `null` is no limit.
    pub load: Option<f64>,
}

impl Default for PermitsConfig {
    fn default() -> Self {
        Self {
            model: None,
            sandbox: None,
            judging: None,
            spare: None,
            memory_free: Size(1 << 30),
            disk_free: Size(2 << 30),
            load: None,
        }
    }
}

impl PermitsConfig {
    /// Returns how many items of a sweep are prepared or finished up beside those that so many workers are at.
    pub fn spare(&self, workers: usize) -> usize {
        self.spare.unwrap_or((workers / 4).max(2))
    }
}

/// Permits for using a model, for using a sandbox, and for judging a patch.
#[derive(Clone)]
pub struct Permits {
    model: Arc<Semaphore>,
    sandbox: Arc<Semaphore>,
    judging: Arc<Semaphore>,
    admission: Arc<Admission>,
    images: Option<ImageBudget>,
}

/// A permit, which is given back when it is dropped.
pub struct Permit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
    _admitted: Admitted<'a>,
}

impl Permits {
    /// Returns the permits of an engine with so many workers, whose runs are below a folder.
    pub fn new(config: &PermitsConfig, workers: usize, runs: &Path) -> Self {
        let of =
            |most: Option<usize>| Arc::new(Semaphore::new(most.unwrap_or(workers).clamp(1, Semaphore::MAX_PERMITS)));
        let admission = Arc::new(Admission::new(config, runs));
        let (model, judging) = (of(config.model), of(config.judging));
        let sandboxes = config.sandbox.unwrap_or(workers.saturating_add(config.spare(workers)));
        Self { model, sandbox: of(Some(sandboxes)), judging, admission, images: None }
    }

    /// Returns the same permits with the images that work pulls kept within a budget, where there is one.
    #[must_use]
    pub fn with_images(self, images: Option<ImageBudget>) -> Self {
        Self { images, ..self }
    }

    /// Returns the budget of images.
    pub fn images(&self) -> Option<&ImageBudget> {
        self.images.as_ref()
    }

    /// Records that planned work on an instance is skipped.
    pub fn pass_over(&self, environment: &dyn Environment, instance: &Instance) {
        if let (Some(images), Some(wanted)) = (&self.images, wanted(environment, instance)) {
            images.done(&wanted.name);
        }
    }

    /// Waits until the image of an instance is here; `None` where nothing has to be waited for.
    ///
    /// # Errors
    /// When it cannot be had within the budget.
    pub async fn image(
        &self,
        environment: &dyn Environment,
        instance: &Instance,
    ) -> anyhow::Result<Option<ImageGuard>> {
        match (&self.images, wanted(environment, instance)) {
            (Some(images), Some(wanted)) => images.hold(&wanted).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Waits for a sandbox of an agent.
    pub async fn sandbox(&self) -> Permit<'_> {
        // It is never closed.
        let permit = self.sandbox.acquire().await.ok();
        Permit { _permit: permit, _admitted: self.admission.wait().await }
    }

    /// Waits for a patch to be judged.
    pub async fn judging(&self) -> Permit<'_> {
        let permit = self.judging.acquire().await.ok();
        Permit { _permit: permit, _admitted: self.admission.wait().await }
    }

    /// Returns the model of an item, each of whose requests waits for its permit. Failed requests are reported to it.
    pub fn model(&self, model: Arc<dyn Model>, item: WorkItem, events: Events) -> Arc<dyn Model> {
        Arc::new(Bounded { model, permits: self.model.clone(), item, events })
    }
}

/// Returns the image that work on an instance pulls where it is missing.
pub fn wanted(environment: &dyn Environment, instance: &Instance) -> Option<NeededImage> {
    let Source::Container { name, platform } = &environment.image(instance)?.source else { return None };
    let group = format!("{} {}", instance.repo, instance.version);
    Some(NeededImage { name: name.clone(), platform: platform.clone(), group })
}

/// A model whose requests are bounded.
struct Bounded {
    model: Arc<dyn Model>,
    permits: Arc<Semaphore>,
    item: WorkItem,
    events: Events,
}

#[async_trait]
impl Model for Bounded {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let _permit = self.permits.acquire().await.ok();
        let begun = Instant::now();
        let answered = self.model.complete(request).await;
        if let Err(err) = &answered {
            let (item, took) = (&self.item, begun.elapsed());
            self.events.tell(&Event::Unanswered { item, kind: kind(err), took });
        }
        answered
    }
}

/// Returns the kind of a failure.
fn kind(err: &ModelError) -> &'static str {
    match err {
        ModelError::Transient { .. } => "transient",
        ModelError::ContextLength(_) => "context_length",
        ModelError::Permanent(_) => "permanent",
        ModelError::Budget(_) => "budget",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many requests, sandboxes and patches may be under way at once.
    fn most(config: &PermitsConfig, workers: usize) -> [usize; 3] {
        let permits = Permits::new(config, workers, Path::new("."));
        [&permits.model, &permits.sandbox, &permits.judging].map(|semaphore| semaphore.available_permits())
    }

    #[test]
    fn a_quarter_of_the_workers_and_at_least_two_items_are_spare() {
        let spare = |spare, workers| PermitsConfig { spare, ..PermitsConfig::default() }.spare(workers);
        assert_eq!([0, 1, 8, 12, 100].map(|workers| spare(None, workers)), [2, 2, 2, 3, 25]);
        assert_eq!([spare(Some(0), 100), spare(Some(7), 1)], [0, 7]);
    }

    #[test]
    fn there_are_as_many_permits_as_workers_and_sandboxes_for_the_spare_items_too() {
        let config = PermitsConfig::default();
        assert_eq!(most(&config, 8), [8, 10, 8]);
        assert_eq!(most(&config, 100), [100, 125, 100]);
        let config = PermitsConfig { model: Some(3), sandbox: Some(4), judging: Some(5), ..config };
        assert_eq!(most(&config, 100), [3, 4, 5]);
        // None at all would wait forever.
        let config = PermitsConfig { model: Some(0), sandbox: Some(0), judging: Some(0), ..config };
        assert_eq!(most(&config, 0), [1, 1, 1]);
        assert_eq!(
            most(&PermitsConfig { spare: Some(usize::MAX), ..PermitsConfig::default() }, 1)[1],
            Semaphore::MAX_PERMITS
        );
    }

    #[test]
    fn a_failed_request_has_a_kind() {
        let why = String::new;
        for (err, expected) in [
            (ModelError::Transient { message: why(), retry_after: None }, "transient"),
            (ModelError::ContextLength(why()), "context_length"),
            (ModelError::Permanent(why()), "permanent"),
            (ModelError::Budget(why()), "budget"),
        ] {
            assert_eq!(kind(&err), expected);
        }
    }
}
