//! States of images that a start has prepared, kept as images so that later starts need not prepare them again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerConfig, ImageSummary};
use bollard::query_parameters::{CommitContainerOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use bollard::{Docker as Client, errors::Error};
use sha2::{Digest, Sha256};
use tool_core::{Image, Sandbox, SandboxError, Source};

use crate::image;
use crate::labels::{OWNER, RUN};
use crate::provider::Inner;

/// The label of a kept state that names, by its id, the image that it stands on.
pub(crate) const KEPT: &str = "spotter.kept";
/// What kept states are called, with a digest after the colon.
const REPOSITORY: &str = "spotter-kept";
/// How long saving a state may take.
const TIMEOUT: u64 = 600;

/// Returns the name of the state of an image, by its id, under a key.
fn name(base: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{base}\0{key}"));
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{REPOSITORY}:{digest}")
}

impl Inner {
    /// Starts a sandbox from a kept state; `None` where there is none.
    pub(crate) async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        let Source::Container { name: base, platform } = &image.source else { return Ok(None) };
        let known = image::ensure(&self.client, base, platform.as_deref(), self.config.pull, &self.host).await?;
        let kept = name(known.id.as_deref().unwrap_or_default(), key);
        match self.client.inspect_image(&kept).await {
            Ok(known) => self.start_in_time(image, &kept, &known).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Keeps the state of a sandbox and returns whether it could: that it could not is no more than a line for those
    /// who look closely.
    pub(crate) async fn keep(&self, id: &str, image: &Image, key: &str) -> bool {
        let kept = self.try_keep(id, image, key).await;
        if let Err(err) = &kept {
            tracing::info!("the prepared state of the image of `{id}` is not kept: {err}");
        }
        kept.is_ok()
    }

    async fn try_keep(&self, id: &str, image: &Image, key: &str) -> Result<(), Error> {
        let Source::Container { name: base, .. } = &image.source else { return Ok(()) };
        let base = self.client.inspect_image(base).await?.id.unwrap_or_default();
        let kept = name(&base, key);
        let former = self.client.inspect_image(&kept).await.ok().and_then(|former| former.id);
        let (repository, tag) = kept.split_once(':').unwrap_or((&kept, "latest"));
        // The shell that waits for its first command writes nothing, and pausing takes rights that not every engine
        // has.
        let options = CommitContainerOptionsBuilder::new().container(id).repo(repository).tag(tag).pause(false).build();
        // What is started from the image belongs to no run until the start says so.
        let labels = [(RUN, ""), (OWNER, ""), (KEPT, &base)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = ContainerConfig { labels: Some(labels.into()), open_stdin: Some(false), ..Default::default() };
        let slow = self.client.clone().with_timeout(Duration::from_secs(TIMEOUT));
        slow.commit_container(options, config).await?;
        if let Some(former) = former {
            remove(&self.client, &former).await;
        }
        evict(&self.client, self.config.kept.0).await
    }
}

/// Removes the oldest kept states that no container uses until the rest takes no more than `limit` bytes.
async fn evict(client: &Client, limit: u64) -> Result<(), Error> {
    let mut kept = list(client, None).await?;
    kept.sort_by_key(|image| std::cmp::Reverse(image.created));
    let mut taken = 0;
    for image in &kept {
        let base = image.labels.get(KEPT).map(String::as_str).unwrap_or_default();
        let below = match client.inspect_image(base).await {
            Ok(below) => below.size.unwrap_or_default(),
            // Without the image that it stands on, nobody can ask for it.
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                remove(client, &image.id).await;
                continue;
            }
            Err(err) => return Err(err),
        };
        let own = u64::try_from(image.size - below).unwrap_or_default();
        if own.saturating_add(taken) <= limit || !remove(client, &image.id).await {
            taken = own.saturating_add(taken);
        }
    }
    Ok(())
}

/// Returns the kept states of an image by its id, or of all.
async fn list(client: &Client, base: Option<&str>) -> Result<Vec<ImageSummary>, Error> {
    let label = base.map_or(KEPT.to_owned(), |base| format!("{KEPT}={base}"));
    let filters = HashMap::from([("label", vec![label])]);
    client.list_images(Some(ListImagesOptionsBuilder::new().filters(&filters).build())).await
}

/// Removes the kept states of an image by its id, or all, but for those in use; returns how many went.
pub(crate) async fn remove_all(client: &Client, base: Option<&str>) -> Result<usize, Error> {
    let kept = list(client, base).await?;
    let mut removed = 0;
    for image in &kept {
        removed += usize::from(remove(client, &image.id).await);
    }
    Ok(removed)
}

/// Removes a kept state and returns whether it is gone; one in use stays, and goes when states are evicted next.
async fn remove(client: &Client, id: &str) -> bool {
    let options = RemoveImageOptionsBuilder::new().force(false).build();
    match client.remove_image(id, Some(options), None).await {
        Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => true,
        Err(err) => {
            tracing::debug!("the kept state `{id}` stays: {err}");
            false
        }
    }
}
