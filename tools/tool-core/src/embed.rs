//! Embedding models.

use async_trait::async_trait;

/// An embedding model: turns texts into vectors that are close for similar meanings. Batches, limits and retries are up
/// to the implementation.
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

/// Why there are no vectors. The caller continues without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmbedError(pub String);
