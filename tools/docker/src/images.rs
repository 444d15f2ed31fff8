//! The images that an engine holds.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::time::Duration;

use bollard::Docker as Client;
use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use tool_core::{Host, SandboxError};

use crate::build::{self, Build, BuildError};
use crate::engine;
use crate::frozen::Frozen;
use crate::image::{fetch, is_transient};
use crate::kept;
use crate::reference::chain;

/// The images that an engine holds.
#[derive(Clone)]
pub struct Images {
    client: Client,
    host: Host,
}

/// An image on the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredImage {
    /// What it holds, by hash.
    pub id: String,
    /// Its names, with tags.
    pub names: Vec<String>,
    /// Bytes of all its layers.
    pub size: u64,
    /// When it was made, in seconds since 1970; 0 when it is asked for by name.
    pub created: i64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its layers, by hash, the lowest first.
    pub layers: Vec<String>,
    /// What it was made in, the lowest first; empty when it is asked for by name.
    pub parts: Vec<Part>,
}

/// What one build step added to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Equal in images that have this step and all before it in common.
    pub key: u64,
    /// The bytes that it added.
    pub bytes: u64,
}

/// What became of an image that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Done,
    /// A container or another image needs it.
    InUse(String),
}

impl Images {
    /// Connects to the engine that the environment names.
    ///
    /// # Errors
    /// When no engine answers.
    pub async fn connect(host: &Host) -> Result<Self, SandboxError> {
        let connected = engine::connect(host).await.map_err(|err| {
            let reason = err.to_string();
            // The hint of sandboxes, to do without Docker, does not help here.
            let reason = reason.split("\nhint:").next().unwrap_or(&reason);
            SandboxError::Unavailable(format!("{reason}\nhint: images need Docker: start it, or set DOCKER_HOST"))
        })?;
        Ok(Self { client: connected, host: host.clone() })
    }

    /// Returns the image of this name, if it is there.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn find(&self, name: &str) -> Result<Option<StoredImage>, SandboxError> {
        match self.client.inspect_image(name).await {
            Ok(image) => Ok(Some(stored(image))),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(err) => Err(lost(&format!("cannot look for the image `{name}`"), &err)),
        }
    }

    /// Pulls an image, whether it is there or not; tries again, after a pause that doubles from `pause`, when the
    /// registry is busy or fails, and tells `say` of it.
    ///
    /// # Errors
    /// [`SandboxError::Image`] when the registry does not give it, or not within `attempts`.
    pub async fn pull(
        &self,
        name: &str,
        platform: Option<&str>,
        attempts: u32,
        pause: Duration,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<(), SandboxError> {
        let mut pause = pause;
        for attempt in 1.. {
            match fetch(&self.client, name, platform, &self.host).await {
                Ok(()) => break,
                Err(reason) if attempt < attempts && is_transient(&reason) => {
                    let wait = pause.as_secs_f64();
                    say(&format!("{name}: {reason}; attempt {} of {attempts} in {wait:.0} s", attempt + 1));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(300));
                }
                Err(reason) => {
                    let tries = if attempt > 1 { format!(" after {attempt} attempts") } else { String::new() };
                    return Err(SandboxError::Image(format!("no image `{name}`{tries}: {reason}")));
                }
            }
        }
        Ok(())
    }

    /// Makes an image; all that its steps print goes to `log`. An image that had the name loses it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build(&self, order: &Build, log: &mut (dyn Write + Send)) -> Result<StoredImage, BuildError> {
        let former = self.find(&order.name).await?;
        build::build(&self.client, order, log).await?;
        if let Some(former) = former.filter(|former| former.names.len() == 1) {
            // As long as other images stand on it, it stays without a name; with another name it stays as it is.
            self.remove(&former.id).await?;
        }
        let made = self.find(&order.name).await?;
        Ok(made.ok_or_else(|| SandboxError::Lost(format!("`{}` was saved but was not found", order.name)))?)
    }

    /// Returns all images, those without a name included, the oldest first; states that starts have kept are none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn list(&self) -> Result<Vec<StoredImage>, SandboxError> {
        let options = ListImagesOptionsBuilder::new().all(false).build();
        let list = self.client.list_images(Some(options)).await.map_err(|err| lost("cannot list the images", &err))?;
        let mut found = Vec::new();
        for summary in list.into_iter().filter(|summary| !summary.labels.contains_key(kept::KEPT)) {
            // One that goes away meanwhile is not there.
            let Some(image) = self.find(&summary.id).await? else { continue };
            let Some(parts) = self.parts(&summary.id).await? else { continue };
            found.push(StoredImage { created: summary.created, parts, ..image });
        }
        // Within a second, what others stand on was first.
        found.sort_by(|one, other| {
            let order = |image: &StoredImage| (image.created, image.layers.len());
            order(one).cmp(&order(other)).then_with(|| one.names.cmp(&other.names))
        });
        Ok(found)
    }

    /// Returns the layers of an image, the lowest first: for each what tells it with all below it from any other, and
    /// its bytes; `None` when it is not there.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn layers(&self, name: &str) -> Result<Option<Vec<(String, u64)>>, SandboxError> {
        let Some(image) = self.find(name).await? else { return Ok(None) };
        let Some(parts) = self.parts(&image.id).await? else { return Ok(None) };
        // Steps that add no file have no layer; a layer without a byte cannot be told from these, and takes nothing.
        let mut steps: Vec<u64> = parts.into_iter().map(|part| part.bytes).filter(|bytes| *bytes > 0).collect();
        if steps.len() > image.layers.len() {
            steps = vec![image.size];
        }
        let empty = image.layers.len() - steps.len();
        let bytes = std::iter::repeat_n(0, empty).chain(steps);
        Ok(Some(chain(&image.layers).into_iter().zip(bytes).collect()))
    }

    /// Returns the engine's id.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn engine(&self) -> Result<String, SandboxError> {
        let info = self.client.info().await.map_err(|err| lost("the engine does not report its id", &err))?;
        Ok(info.id.or(info.name).unwrap_or_else(|| "engine".to_owned()))
    }

    /// Returns what an image was made in; `None` when it is gone.
    async fn parts(&self, id: &str) -> Result<Option<Vec<Part>>, SandboxError> {
        let mut history = match self.client.image_history(id).await {
            Ok(history) => history,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(err) => return Err(lost("cannot read the history of an image", &err)),
        };
        // The engine lists the newest first.
        history.reverse();
        let mut hasher = DefaultHasher::new();
        let parts = history.iter().map(|step| {
            (step.created, &step.created_by, &step.comment, step.size).hash(&mut hasher);
            Part { key: hasher.finish(), bytes: u64::try_from(step.size).unwrap_or_default() }
        });
        Ok(Some(parts.collect()))
    }

    /// Returns the files of an image, which has to be there, to be read from outside.
    ///
    /// # Errors
    /// [`SandboxError::Image`] when it is not there.
    pub async fn frozen(&self, name: &str, platform: Option<&str>) -> Result<Frozen, SandboxError> {
        Frozen::create(&self.client, name, platform).await
    }

    /// Removes the prepared states of images that starts have kept, and returns how many went: one in use stays.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn remove_kept(&self) -> Result<usize, SandboxError> {
        kept::remove_all(&self.client, None).await.map_err(|err| lost("cannot list the kept states of images", &err))
    }

    /// Takes a name from an image, and with its last name the image, the layers that no other needs, and the states
    /// that starts have kept of it.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn remove(&self, name: &str) -> Result<Removal, SandboxError> {
        if let Some(StoredImage { id, names, .. }) = self.find(name).await?
            && names.len() < 2
        {
            let removed = kept::remove_all(&self.client, Some(&id)).await;
            removed.map_err(|err| lost("cannot list the kept states of images", &err))?;
        }
        let options = RemoveImageOptionsBuilder::new().force(false).build();
        match self.client.remove_image(name, Some(options), None).await {
            Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(Removal::Done),
            Err(Error::DockerResponseServerError { status_code: 409, message }) => Ok(Removal::InUse(message)),
            Err(err) => Err(lost(&format!("cannot remove the image `{name}`"), &err)),
        }
    }
}

fn lost(what: &str, err: &Error) -> SandboxError {
    SandboxError::Unavailable(format!("{what}: {err}"))
}

fn stored(image: ImageInspect) -> StoredImage {
    StoredImage {
        id: image.id.unwrap_or_default(),
        names: image.repo_tags.unwrap_or_default(),
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        created: 0,
        labels: image.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
        layers: image.root_fs.and_then(|layers| layers.layers).unwrap_or_default(),
        parts: Vec::new(),
    }
}
