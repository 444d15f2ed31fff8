//! The settings of the tools.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::index::cache::Cache;

/// The settings of the search tools. Clones share one cache, so that episodes with clones of the same settings share
/// the index of their repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Most tokens of an answer, counting four bytes as a token (default 4000).
    pub max_tokens: usize,
    /// Lines of a span that `search_code` shows before it is cut (default 40).
    pub max_lines: usize,
    /// Bytes of the largest file that is indexed (default 1 MiB).
    pub max_file: u64,
    /// Folder of the index cache; `null` for none on disk (default null).
    pub cache: Option<PathBuf>,
    /// Bytes that the cache may use (default 2 GiB).
    pub max_cache: u64,
    /// Name of the repository in the cache; `null` for the instance's repository (default null).
    pub repository: Option<String>,
    /// Spans of an answer that are re-ranked by their vectors, if there are embeddings; 0 for none
    /// (default
    /// 50).
    pub rerank: usize,
    /// The cache that clones share.
    #[serde(skip)]
    pub shared: SharedCache,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            max_tokens: 4_000,
            max_lines: 40,
            max_file: 1 << 20,
            cache: None,
            max_cache: 2 << 30,
            repository: None,
            rerank: 50,
            shared: SharedCache::default(),
        }
    }
}

impl SearchConfig {
    /// Returns the cache that these settings ask for: the same one for all clones, as the first of them wants it.
    pub fn open_cache(&self) -> Cache {
        let folder = self.cache.as_deref().filter(|folder| *folder != Path::new(""));
        let open = || folder.map_or_else(Cache::none, |folder| Cache::new(folder, self.max_cache));
        self.shared.0.get_or_init(open).clone()
    }
}

/// The cache of some settings and all their clones, opened when it is first needed. It is not a setting itself.
#[derive(Clone, Default)]
pub struct SharedCache(Arc<OnceLock<Cache>>);

impl PartialEq for SharedCache {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SharedCache {}

impl std::fmt::Debug for SharedCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SharedCache")
    }
}
