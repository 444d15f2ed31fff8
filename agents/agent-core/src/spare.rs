//! Takes the patch, with the help of a spare sandbox where the agent damaged the baseline.

use std::pin::Pin;

use env_core::capture::{Captured, capture, rebuild};
use env_core::{Baseline, EnvError, Ready};
use tool_core::Sandbox;

/// Makes a sandbox ready for the instance of an episode.
pub type Spare = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Ready, EnvError>> + Send>> + Send + Sync>;

/// Returns the changes in the sandbox, putting a damaged baseline back if need be.
pub(crate) async fn take_patch(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    spare: Option<&Spare>,
) -> Result<Captured, EnvError> {
    let (first, spare) = match (capture(sandbox, baseline).await, spare) {
        (Err(EnvError::Patch(reason)), Some(spare)) => (reason, spare),
        (taken, _) => return taken,
    };
    let ready = spare().await?;
    let rebuilt = rebuild(sandbox, baseline, (ready.sandbox.as_ref(), &ready.baseline)).await;
    // The patch matters more than a spare sandbox that failed to stop, which `clean` finds.
    let _ = ready.sandbox.stop().await;
    rebuilt.map_err(|_| EnvError::Patch(first))?;
    capture(sandbox, baseline).await
}
