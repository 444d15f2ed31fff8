//! What can go wrong.

use tool_core::ToolError;

/// Why there is no index or no answer. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The tree cannot be read: mend the path.
    #[error("{0}")]
    Tree(String),
    /// The request makes no sense: mend it.
    #[error("{0}")]
    Request(String),
    /// A cache is not what it should be: it is built anew.
    #[error("the cache is not usable: {0}")]
    Cache(String),
    /// The index itself failed.
    #[error("the index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<postcard::Error> for SearchError {
    fn from(err: postcard::Error) -> Self {
        Self::Cache(err.to_string())
    }
}

/// The model is told, and the episode goes on.
impl From<SearchError> for ToolError {
    fn from(err: SearchError) -> Self {
        Self::Rejected(err.to_string())
    }
}
