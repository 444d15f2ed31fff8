//! The provider of Docker sandboxes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ImageInspect};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use shell::{Backend, Owner, Running, Started};
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;
use tool_core::{
    Connect, Host, Image, Network, NoOptions, Pull, Sandbox, SandboxConfig, SandboxError, SandboxProvider, Source,
};

use crate::container::{Container, supervisor_arguments};
use crate::labels::{OWNER, RUN};
use crate::{engine, image, leftovers};

/// Starts sandboxes in containers.
///
/// A container lives as long as the connection to its first process: when this process ends, however it ends, the
/// engine ends and removes its containers. Each carries labels for the run and the process it belongs to.
pub struct Docker {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) config: SandboxConfig,
    pub(crate) host: Host,
    run: String,
    started: Started,
    removals: TaskTracker,
    /// Where the engine keeps what containers write, where that is on this machine.
    disk: OnceCell<Option<PathBuf>>,
    /// Whether the storage of the engine has refused a limit.
    unlimited: AtomicBool,
    /// Digests of the images that sandboxes were started from, by their names.
    digests: Mutex<HashMap<String, String>>,
}

impl Connect for Docker {
    const NAME: &'static str = "docker";
    const SANDBOXES: &'static str = "containers";
    type Options = NoOptions;

    async fn connect(config: SandboxConfig, _: NoOptions, host: Host, run: String) -> Result<Self, SandboxError> {
        let client = engine::connect(&host).await?;
        let (started, removals) = (Started::default(), TaskTracker::new());
        let (disk, unlimited) = (OnceCell::new(), AtomicBool::new(false));
        let digests = Mutex::default();
        let inner = Inner { client, config, host, run, started, removals, disk, unlimited, digests };
        Ok(Self { inner: Arc::new(inner) })
    }

    async fn clean(host: Host, all: bool) -> Result<Vec<String>, SandboxError> {
        leftovers::clean(&engine::connect(&host).await?, all).await
    }
}

#[async_trait]
impl SandboxProvider for Docker {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let (inner, image) = (self.inner.clone(), image.clone());
        // A task of its own: when the caller gives up, it still ends, and drops and so removes what it started.
        let task = self.inner.removals.spawn(async move { inner.start(&image).await });
        task.await.map_err(|err| SandboxError::Lost(format!("the start was interrupted: {err}")))?
    }

    fn pulls(&self) -> bool {
        self.inner.config.pull != Pull::Never
    }

    fn keeps(&self) -> bool {
        self.inner.config.kept.0 > 0
    }

    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        let (inner, image, key) = (self.inner.clone(), image.clone(), key.to_owned());
        let task = self.inner.removals.spawn(async move { inner.start_kept(&image, &key).await });
        task.await.map_err(|err| SandboxError::Lost(format!("the start was interrupted: {err}")))?
    }

    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        self.keeps() && self.inner.keep(&sandbox.info().id, image, key).await
    }

    async fn image_digest(&self, image: &Image) -> Option<String> {
        let Source::Container { name, .. } = &image.source else { return None };
        for wait in [Duration::from_millis(200), Duration::from_secs(1), Duration::ZERO] {
            match self.inner.client.inspect_image(name).await {
                Ok(found) => return found.id,
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => break,
                Err(err) => tracing::debug!("cannot look for the image `{name}`: {err}"),
            }
            tokio::time::sleep(wait).await;
        }
        // What was started has a digest, whatever the engine says of the name now: it is not taken for unknown.
        self.inner.digests.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn close(&self) -> Result<(), SandboxError> {
        let result = self.inner.started.remove_all().await;
        self.inner.removals.close();
        self.inner.removals.wait().await;
        self.inner.removals.reopen();
        result
    }
}

impl Inner {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let Source::Container { name, platform } = &image.source else {
            return Err(SandboxError::Unsupported(
                "the docker provider needs a container image, and this instance has none\nhint: use the local provider"
                    .to_owned(),
            ));
        };
        let known = image::ensure(&self.client, name, platform.as_deref(), self.config.pull, &self.host).await?;
        if let Some(digest) = known.id.clone() {
            self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), digest);
        }
        self.start_in_time(image, name, &known).await
    }

    /// Starts a container of the image of this name: `image` itself, or a state of it.
    pub(crate) async fn start_in_time(
        &self,
        image: &Image,
        name: &str,
        known: &ImageInspect,
    ) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let timeout = self.config.start_timeout();
        let started = tokio::time::timeout(timeout, self.start_container(image, name, known)).await;
        started.unwrap_or_else(|_| Err(late(name, timeout)))
    }

    async fn start_container(
        &self,
        image: &Image,
        name: &str,
        known: &ImageInspect,
    ) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let disk = self.disk.get_or_init(|| disk_of(&self.client)).await.clone();
        let container = Container::new(&self.client, &self.config, &image.root, self.removals.clone(), disk);
        let mut options = CreateContainerOptionsBuilder::new().name(container.id());
        if let Source::Container { platform: Some(platform), .. } = &image.source {
            options = options.platform(platform);
        }
        let (options, mut body) = (options.build(), self.body(name, image, known));
        let mut created = container.create(options.clone(), body.clone()).await;
        if created.as_ref().is_err_and(|err| refuses_limit(&err.to_string())) {
            self.unlimited.store(true, Ordering::Relaxed);
            tracing::info!("the engine's storage has no limits for containers: what they write is watched");
            body.host_config = Some(self.host_config());
            created = container.create(options, body).await;
        }
        created.map_err(|err| SandboxError::Unavailable(format!("cannot create a container of `{name}`: {err}")))?;
        let container = container.start().await?;
        let backend: Arc<dyn Backend> = Arc::new(container);
        self.started.add(&backend);
        Running::start(backend, &self.config, &image.startup).await
    }

    fn body(&self, name: &str, image: &Image, known: &ImageInspect) -> ContainerCreateBody {
        let labels = [(RUN, self.run.clone()), (OWNER, Owner::this().to_string())];
        ContainerCreateBody {
            image: Some(name.to_owned()),
            entrypoint: Some(supervisor_arguments().map(str::to_owned).to_vec()),
            cmd: Some(Vec::new()),
            user: Some("0:0".to_owned()),
            working_dir: Some(image.root.clone()),
            env: Some(variables(known)),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
            open_stdin: Some(true),
            // The engine closes the input of the first process with our connection, which ends the container.
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            host_config: Some(self.host_config()),
            ..Default::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let memory = i64::try_from(self.config.memory.0).unwrap_or(i64::MAX);
        let disk = self.config.disk.0;
        let limit = (disk > 0 && !self.unlimited.load(Ordering::Relaxed)).then(|| disk.to_string());
        let network = if self.config.network == Network::None { "none" } else { "bridge" };
        HostConfig {
            auto_remove: Some(true),
            memory: Some(memory),
            memory_swap: Some(memory),
            nano_cpus: self.config.cpus.map(|cpus| (cpus * 1e9) as i64),
            storage_opt: limit.map(|limit| [("size".to_owned(), limit)].into()),
            pids_limit: Some(i64::from(self.config.pids)),
            network_mode: Some(network.to_owned()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: Some(HashMap::new()) }),
            ..Default::default()
        }
    }
}

/// Returns where the engine keeps what containers write, where that is on this machine.
async fn disk_of(client: &Client) -> Option<PathBuf> {
    let folder = PathBuf::from(client.info().await.ok()?.docker_root_dir?);
    tokio::fs::try_exists(&folder).await.is_ok_and(|is_there| is_there).then_some(folder)
}

/// Returns whether the creation of a container failed because its storage keeps no limits.
fn refuses_limit(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["storage-opt", "storage opt", "pquota", "project quota", "quota"].iter().any(|sign| reason.contains(sign))
}

fn late(name: &str, timeout: Duration) -> SandboxError {
    let seconds = timeout.as_secs();
    SandboxError::Unavailable(format!("the container of `{name}` did not start within {seconds} s"))
}

/// Returns the variables that a sandbox has besides those of its image; none comes from this machine.
fn variables(known: &ImageInspect) -> Vec<String> {
    let own = known.config.as_ref().and_then(|config| config.env.as_deref()).unwrap_or_default();
    let mut variables = vec!["TERM=dumb".to_owned(), "PAGER=cat".to_owned(), "GIT_PAGER=cat".to_owned()];
    if !own.iter().any(|variable| variable.starts_with("LANG=") || variable.starts_with("LC_ALL=")) {
        variables.push("LANG=C.UTF-8".to_owned());
    }
    variables
}
