//! The settings of the tools.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cache::Cache;

/// The settings of the search tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Tokens that an answer has at most, by the rule of thumb of four bytes a token (default 4000).
    pub max_tokens: usize,
    /// Lines of a span that `search_code` shows before it is cut (default 40).
    pub max_lines: usize,
    /// Bytes of the largest file that is indexed (default 1 MiB).
    pub max_file: u64,
    /// Folder of the index cache; empty for none (default none).
    pub cache: Option<PathBuf>,
    /// Bytes that the cache may take (default 2 GiB).
    pub max_cache: u64,
    /// Name under which the cache keeps the repository (default `default`).
    pub repository: String,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            max_tokens: 4_000,
            max_lines: 40,
            max_file: 1 << 20,
            cache: None,
            max_cache: 2 << 30,
            repository: "default".to_owned(),
        }
    }
}

impl SearchConfig {
    /// Returns the cache that these settings ask for.
    pub fn open_cache(&self) -> Cache {
        match &self.cache {
            Some(folder) => Cache::new(folder, self.max_cache),
            None => Cache::none(),
        }
    }
}
