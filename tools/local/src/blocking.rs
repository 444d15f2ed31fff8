//! Work that blocks.

use tool_core::SandboxError;

/// Runs what blocks away from the async tasks; it runs to its end even if no one waits any more.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<SandboxError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(err) => Err(SandboxError::Lost(format!("work in the sandbox was interrupted: {err}")).into()),
    }
}
