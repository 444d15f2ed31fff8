//! Takes the patch out of a sandbox.

use tool_core::Sandbox;

use crate::{Baseline, EnvError, Patch};

/// Returns the changes in the sandbox against `baseline`.
///
/// # Errors
/// When the baseline is gone or the sandbox is broken.
pub async fn capture(sandbox: &dyn Sandbox, baseline: &Baseline) -> Result<Patch, EnvError> {
    let _ = (sandbox, baseline);
    Err(EnvError::Leak("patch capture is not built yet".to_owned()))
}
