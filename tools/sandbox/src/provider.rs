//! The two providers behind one name.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use tool_core::{Image, Sandbox, SandboxError, SandboxProvider};

use crate::backend::Backend;
use crate::{Config, Docker, Host, Kind, Local};

/// Sandboxes removed at once.
const TOGETHER: usize = 16;

/// Starts sandboxes of the kind that the configuration asks for.
pub enum Provider {
    /// Containers.
    Docker(Docker),
    /// Temporary folders.
    Local(Local),
}

/// Returns the provider that `config` asks for; its containers are labelled with `run`.
///
/// # Errors
/// [`SandboxError::Unavailable`] when there is no Docker engine to talk to.
pub async fn connect(config: &Config, host: &Host, run: &str) -> Result<Provider, SandboxError> {
    Ok(match config.provider {
        Kind::Docker => Provider::Docker(Docker::connect(config.clone(), host, run).await?),
        Kind::Local => Provider::Local(Local::new(config.clone(), host.clone())),
    })
}

impl Provider {
    /// Removes all sandboxes that are still there, and waits for those whose removal is under way.
    ///
    /// # Errors
    /// When something is left behind.
    pub async fn close(&self) -> Result<(), SandboxError> {
        match self {
            Self::Docker(docker) => docker.close().await,
            Self::Local(local) => local.close().await,
        }
    }
}

#[async_trait]
impl SandboxProvider for Provider {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        match self {
            Self::Docker(docker) => docker.start(image).await,
            Self::Local(local) => local.start(image).await,
        }
    }

    fn keeps(&self) -> bool {
        match self {
            Self::Docker(docker) => docker.keeps(),
            Self::Local(local) => local.keeps(),
        }
    }

    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        match self {
            Self::Docker(docker) => docker.start_kept(image, key).await,
            Self::Local(local) => local.start_kept(image, key).await,
        }
    }

    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        match self {
            Self::Docker(docker) => docker.keep(sandbox, image, key).await,
            Self::Local(local) => local.keep(sandbox, image, key).await,
        }
    }

    async fn image_digest(&self, image: &Image) -> Option<String> {
        match self {
            Self::Docker(docker) => docker.image_digest(image).await,
            Self::Local(local) => local.image_digest(image).await,
        }
    }
}

/// The sandboxes that a provider has started and that are still there.
#[derive(Default)]
pub(crate) struct Started(Mutex<Vec<Weak<dyn Backend>>>);

impl Started {
    pub(crate) fn add(&self, backend: &Arc<dyn Backend>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|backend| backend.strong_count() > 0);
        list.push(Arc::downgrade(backend));
    }

    pub(crate) async fn remove_all(&self) -> Result<(), SandboxError> {
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let removals = list.into_iter().filter_map(|backend| backend.upgrade());
        // Together, as sandboxes of this machine share what they look at.
        let removals = removals.map(|backend| async move { backend.remove().await });
        let results: Vec<_> = stream::iter(removals).buffer_unordered(TOGETHER).collect().await;
        results.into_iter().collect()
    }
}
