//! The model of one episode over its endpoints.

use std::sync::Arc;
use std::time::Duration;

use agent_core::{Completion, Model, ModelError, Request};
use async_trait::async_trait;

use crate::RetryConfig;
use crate::gateway::gateways::Tally;
use crate::layers::retry::{Waited, again};
use crate::server::http::Http;

/// Asks the first endpoint that can be asked, and the next one where that fails as an endpoint. This is the one place
/// where requests are retried.
pub(crate) struct Routed {
    /// The endpoints in the order of this episode.
    pub(crate) endpoints: Vec<Arc<Http>>,
    pub(crate) retry: RetryConfig,
    pub(crate) tally: Arc<Tally>,
}

impl Routed {
    /// Asks each endpoint at most once.
    async fn attempt(&self, request: &Request, waited: &Waited) -> Result<Completion, ModelError> {
        if let [endpoint] = self.endpoints.as_slice() {
            return endpoint.ask(request, waited).await.map_err(|failed| failed.error);
        }
        let mut last = None;
        let mut soonest = Duration::MAX;
        for endpoint in &self.endpoints {
            if let Some(closed) = endpoint.lane().closed_for() {
                soonest = soonest.min(closed);
                continue;
            }
            match endpoint.ask(request, waited).await {
                Ok(completion) => return Ok(completion),
                Err(failed) if failed.is_of_endpoint => {
                    tracing::info!("trying another endpoint: {}", failed.error);
                    last = Some(failed.error);
                }
                Err(failed) => return Err(failed.error),
            }
        }
        // Each was asked or is left alone for now.
        Err(match last {
            Some(ModelError::Transient { message, .. }) => ModelError::Transient { message, retry_after: None },
            Some(err) => err,
            None => {
                let count = self.endpoints.len();
                let message = format!("none of the {count} endpoints in `model.endpoints` answers");
                ModelError::Transient { message, retry_after: Some(soonest) }
            }
        })
    }
}

#[async_trait]
impl Model for Routed {
    fn name(&self) -> &str {
        self.endpoints.first().map(|endpoint| endpoint.name()).unwrap_or_default()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let waited = Waited::default();
        let answer = again(&self.retry, &waited, || self.attempt(request, &waited)).await;
        if let Ok(completion) = &answer {
            self.tally.add(completion);
        }
        answer
    }
}
