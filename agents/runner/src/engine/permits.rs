//! How much of each kind is under way at once.

use std::sync::Arc;

use agent_core::{Completion, Model, ModelError, Request};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many of each kind may be under way at once, whatever the number of workers; `null` is as many as there are workers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PermitsConfig {
    /// Requests to the model.
    pub model: Option<usize>,
    /// Sandboxes of agents.
    pub sandbox: Option<usize>,
    /// Patches that are judged.
    pub judging: Option<usize>,
}

/// What work has to have for as long as it uses a model, a sandbox, or judges a patch.
#[derive(Debug, Clone)]
pub struct Permits {
    model: Arc<Semaphore>,
    sandbox: Arc<Semaphore>,
    judging: Arc<Semaphore>,
}

/// A permit, which is given back when it is dropped; none where there is no bound.
pub(super) type Permit<'a> = Option<SemaphorePermit<'a>>;

impl Permits {
    /// Returns the permits of an engine with so many workers.
    pub fn new(config: &PermitsConfig, workers: usize) -> Self {
        let of =
            |most: Option<usize>| Arc::new(Semaphore::new(most.unwrap_or(workers).clamp(1, Semaphore::MAX_PERMITS)));
        Self { model: of(config.model), sandbox: of(config.sandbox), judging: of(config.judging) }
    }

    /// Waits for a sandbox of an agent.
    pub async fn sandbox(&self) -> Permit<'_> {
        // It is never closed.
        self.sandbox.acquire().await.ok()
    }

    /// Waits for a patch to be judged.
    pub async fn judging(&self) -> Permit<'_> {
        self.judging.acquire().await.ok()
    }

    /// Returns a model each of whose requests waits for its permit.
    pub fn model(&self, model: Arc<dyn Model>) -> Arc<dyn Model> {
        Arc::new(Bounded { model, permits: self.model.clone() })
    }
}

/// A model whose requests are bounded.
struct Bounded {
    model: Arc<dyn Model>,
    permits: Arc<Semaphore>,
}

#[async_trait]
impl Model for Bounded {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let _permit = self.permits.acquire().await.ok();
        self.model.complete(request).await
    }
}
