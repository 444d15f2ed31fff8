//! Makes a repository of one commit out of plain files.

use std::sync::Arc;

use async_trait::async_trait;
use repo::outside::commit_script;
use tool_core::{Command, Image, Sandbox, SandboxError, SandboxProvider};

/// Starts sandboxes of another provider and commits their files. Names and dates are fixed, so the commit's id is the
/// same everywhere.
pub(crate) struct Committed {
    pub(crate) inner: Arc<dyn SandboxProvider>,
}

/// Returns a key for states that this commit is in.
fn own(key: &str) -> String {
    format!("{key}{}", commit_script())
}

#[async_trait]
impl SandboxProvider for Committed {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let sandbox = self.inner.start(image).await?;
        let committed = sandbox.exec(Command::fresh(commit_script())).await;
        let failed = match committed {
            Ok(output) if output.success() => return Ok(sandbox),
            Ok(output) => SandboxError::Lost(format!("git could not commit the files: {}", output.output.trim())),
            Err(err) => err,
        };
        // The sandbox is of no use any more; that it failed to stop as well would only hide the reason.
        let _ = sandbox.stop().await;
        Err(failed)
    }

    fn keeps(&self) -> bool {
        self.inner.keeps()
    }

    fn checks_kept(&self) -> bool {
        self.inner.checks_kept()
    }

    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        self.inner.start_kept(image, &own(key)).await
    }

    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        self.inner.keep(sandbox, image, &own(key)).await
    }

    async fn image_digest(&self, image: &Image) -> Option<String> {
        self.inner.image_digest(image).await
    }
}
