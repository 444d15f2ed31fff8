//! Why rows are not available.

use std::path::PathBuf;

/// Why rows are not available. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is no such dataset, file, split or revision: fix the name.
    #[error("{0}")]
    NotFound(String),
    /// A file does not hold what it should: fix the file.
    #[error("{place}: {reason}")]
    Malformed {
        /// The file, and the line or row in it.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// The hub refused: give it a token that may read the dataset.
    #[error("{0}\nhint: set HF_TOKEN to a token that may read it")]
    Unauthorized(String),
    /// The hub could not be reached, or the connection broke: try again.
    #[error("{0}")]
    Unavailable(String),
    /// The selection makes no sense: fix it.
    #[error("{0}")]
    Selection(String),
    /// The operating system refused.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
}
