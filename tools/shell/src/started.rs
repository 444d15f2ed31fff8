//! The sandboxes that a provider has started.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use tool_core::SandboxError;

use crate::backend::Backend;

/// Sandboxes removed at once.
const TOGETHER: usize = 16;

/// The sandboxes that a provider has started and that are still there.
#[derive(Default)]
pub struct Started(Mutex<Vec<Weak<dyn Backend>>>);

impl Started {
    /// Takes in a sandbox.
    pub fn add(&self, backend: &Arc<dyn Backend>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|backend| backend.strong_count() > 0);
        list.push(Arc::downgrade(backend));
    }

    /// Removes all that are still there.
    ///
    /// # Errors
    /// When one is left behind.
    pub async fn remove_all(&self) -> Result<(), SandboxError> {
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut removals: Vec<BoxFuture<'static, Result<(), SandboxError>>> = Vec::new();
        for backend in list.iter().filter_map(Weak::upgrade) {
            removals.push(Box::pin(async move { backend.remove().await }));
        }
        // Together, as sandboxes of this machine share what they look at.
        let results: Vec<_> = stream::iter(removals).buffer_unordered(TOGETHER).collect().await;
        results.into_iter().collect()
    }
}
