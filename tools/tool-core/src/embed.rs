//! What turns texts into vectors.

use async_trait::async_trait;

/// Turns texts into vectors, of which those of like meaning point the same way. Batches, limits and retries are its own
/// affair.
#[async_trait]
pub trait Embed: Send + Sync {
    /// Returns the name of the model; vectors of different models cannot be compared.
    fn name(&self) -> &str;

    /// Returns a vector for each text, in order and all of the same length. No text may be blank.
    ///
    /// # Errors
    /// [`EmbedError`] when there is none for some text; what could be retried has been.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// Why there are no vectors. The caller does without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmbedError(pub String);
