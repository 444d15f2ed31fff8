//! What can go wrong.

use serde_json::json;
use tool_core::ToolError;

/// Why there is no index or no answer. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The tree cannot be read: fix the path.
    #[error("{0}")]
    Tree(String),
    /// The request asks for nothing: fix it.
    #[error("give at least one of query, file_pattern, class_names, function_names and code_snippet")]
    Empty,
    /// The file pattern of the request is not valid: fix it.
    #[error("`{pattern}` is not a file pattern: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A cache is damaged: it is rebuilt.
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

/// The message is shown to the model, and the episode continues.
impl From<SearchError> for ToolError {
    fn from(err: SearchError) -> Self {
        let (text, values) = match err {
            SearchError::Empty => ("search/empty_request", json!({})),
            SearchError::Pattern { pattern, why } => ("search/no_pattern", json!({ "pattern": pattern, "why": why })),
            err => ("search/failed", json!({ "why": err.to_string() })),
        };
        Self::Refused { text, values }
    }
}
