//! The provider of sandboxes in temporary folders.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use shell::{Backend, Running, Started};
use tokio::sync::oneshot;
use tool_core::{Connect, Host, Image, NoOptions, Sandbox, SandboxConfig, SandboxError, SandboxProvider, Source};

use crate::blocking::blocking;
use crate::folder::{Folder, Shared};
use crate::programs::Programs;
use crate::removal::Removals;
use crate::{kept, leftovers};

/// Starts sandboxes in temporary folders of this machine.
///
/// There is **no isolation**: a command can read, write and reach whatever the user can. Limits on memory and
/// processes are kept by a look at the processes every 100 ms while a command runs, which a quick command outruns.
/// While none runs, nothing is looked at. Where this user may make control groups (root may), the kernel lists the
/// processes of a sandbox and counts them, so that a look is cheap and none gets beyond the limit; elsewhere all
/// sandboxes share one look at the table of the whole machine.
pub struct Local {
    config: SandboxConfig,
    host: Host,
    started: Started,
    shared: Shared,
}

impl Connect for Local {
    const NAME: &'static str = "local";
    const SANDBOXES: &'static str = "folders";
    type Options = NoOptions;

    async fn connect(config: SandboxConfig, _: NoOptions, host: Host, _: String) -> Result<Self, SandboxError> {
        let programs = Arc::new(Programs::find(&host));
        let shared = Shared { tracker: Arc::default(), removals: Removals::default(), programs };
        Ok(Self { config, host, started: Started::default(), shared })
    }

    async fn clean(host: Host, _: bool) -> Result<Vec<String>, SandboxError> {
        blocking(move || leftovers::clean(&host.temporary())).await
    }
}

#[async_trait]
impl SandboxProvider for Local {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        if let Source::Container { name, .. } = &image.source {
            return Err(SandboxError::Unsupported(format!(
                "a local sandbox cannot run the container image `{name}`\nhint: use the docker provider"
            )));
        }
        self.start_from(image, None).await
    }

    fn keeps(&self) -> bool {
        self.config.kept.0 > 0
    }

    fn checks_kept(&self) -> bool {
        true
    }

    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        match kept::archive(image, key, &self.host).filter(|archive| archive.exists()) {
            Some(archive) => self.start_from(image, Some(archive)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        let Some(archive) = kept::archive(image, key, &self.host).filter(|_| self.keeps()) else { return false };
        let (info, limit) = (sandbox.info().clone(), self.config.kept.0);
        let kept = tokio::task::spawn_blocking(move || kept::keep(&info, &archive, limit)).await;
        let kept = kept.map_err(std::io::Error::other).flatten();
        if let Err(err) = &kept {
            tracing::info!("the prepared state of `{}` is not kept: {err}", sandbox.info().id);
        }
        kept.is_ok()
    }

    async fn close(&self) -> Result<(), SandboxError> {
        let result = self.started.remove_all().await;
        result.and(self.shared.removals.finish().await)
    }
}

impl Local {
    /// Starts a sandbox from the files of an image, or from a state of it that was kept.
    async fn start_from(&self, image: &Image, kept: Option<PathBuf>) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let (image, config, host) = (image.clone(), self.config.clone(), self.host.clone());
        let shared = self.shared.clone();
        let startup = image.startup.clone();
        // When the caller gives up, the folder is still made to its end, and removed before the provider is closed.
        let (sender, made) = oneshot::channel();
        self.shared.removals.tasks.spawn(async move {
            let create = move || Folder::create((&image, kept.as_deref()), &config, &host, &shared);
            let _ = sender.send(blocking(create).await);
        });
        let cut_off = |_| SandboxError::Lost("creating the folder was interrupted".to_owned());
        let folder = made.await.map_err(cut_off)??;
        let backend: Arc<dyn Backend> = Arc::new(folder);
        self.started.add(&backend);
        Running::start(backend, &self.config, &startup).await
    }
}
