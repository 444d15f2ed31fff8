//! Takes the patch, with the help of a spare sandbox where the agent damaged the baseline.

use std::pin::Pin;

use env_core::{Baseline, EnvError, Ready};
use repo::capture::{Captured, capture, capture_copy, rebuild};
use tool_core::Sandbox;

/// Makes a sandbox ready for the instance of an episode.
pub type Spare = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Ready, EnvError>> + Send>> + Send + Sync>;

/// Returns the changes in the sandbox. Where nothing can be had of it as it is, a spare one helps: a damaged baseline is
/// put back from it, and of a sandbox in which git or anything else that this takes is gone, the tree is copied into it.
pub(crate) async fn take_patch(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    spare: Option<&Spare>,
) -> Result<Captured, EnvError> {
    let (first, spare) = match (capture(sandbox, baseline).await, spare) {
        (Err(first), Some(spare)) => (first, spare),
        (taken, _) => return taken,
    };
    let (ready, first) = match (spare().await, first) {
        (Ok(ready), first) => (ready, first),
        // Whether there is a patch is not known without one.
        (Err(err), EnvError::Patch(_)) => return Err(err),
        (Err(_), first) => return Err(first),
    };
    let taken = with_spare(sandbox, baseline, &ready, &first).await;
    // The patch matters more than a spare sandbox that failed to stop, which `clean` finds.
    let _ = ready.sandbox.stop().await;
    taken.map_err(|err| {
        tracing::debug!("nor can the patch be taken from outside: {err}");
        first
    })
}

async fn with_spare(
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
