//! Takes the patch, with the help of a fresh sandbox where the agent damaged the baseline.

use std::pin::Pin;

use env_core::{Baseline, EnvError, Ready};
use repo::capture::{Captured, capture, capture_copy, rebuild};
use tool_core::Sandbox;

/// Makes a sandbox ready for the instance of an episode.
pub type FreshSandbox = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Ready, EnvError>> + Send>> + Send + Sync>;

/// Returns the changes in the sandbox. If they cannot be captured there, a fresh sandbox is used: a damaged baseline is
/// restored from it, and if git or another needed program is gone, the tree is copied into it.
pub(crate) async fn take_patch(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    fresh_sandbox: Option<&FreshSandbox>,
) -> Result<Captured, EnvError> {
    let (first, fresh_sandbox) = match (capture(sandbox, baseline).await, fresh_sandbox) {
        (Err(first), Some(fresh_sandbox)) => (first, fresh_sandbox),
        (taken, _) => return taken,
    };
    let (ready, first) = match (fresh_sandbox().await, first) {
        (Ok(ready), first) => (ready, first),
        // Whether there is a patch is not known without one.
        (Err(err), EnvError::Patch(_)) => return Err(err),
        (Err(_), first) => return Err(first),
    };
    let taken = from_outside(sandbox, baseline, &ready, &first).await;
    // The patch matters more than a fresh sandbox that failed to stop, which `clean` finds.
    let _ = ready.sandbox.stop().await;
    taken.map_err(|err| {
        tracing::debug!("and the patch cannot be captured from outside either: {err}");
        first
    })
}

async fn from_outside(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    ready: &Ready,
    first: &EnvError,
) -> Result<Captured, EnvError> {
    let fresh = (ready.sandbox.as_ref(), &ready.baseline);
    if matches!(first, EnvError::Patch(_))
        && rebuild(sandbox, baseline, fresh).await.is_ok()
        && let Ok(captured) = capture(sandbox, baseline).await
    {
        return Ok(captured);
    }
    capture_copy(sandbox, baseline, fresh).await
}
