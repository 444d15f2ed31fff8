//! Files of a dataset on the Hugging Face hub, in the cache that every Hugging Face library shares.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::hub_client::{HubClient, HubFailure};
use crate::shards::{self, Shards};
use crate::{DatasetError, HubDataset};

/// How long a connection may take, and how long it may be silent.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);

/// How long the answer on a dataset may take, with all tries.
const ANSWER: Duration = Duration::from_secs(180);

/// How long one file may take.
const FILE_LIMIT: Duration = Duration::from_secs(3600);

/// Where the hub and its cache are, and the token.
#[derive(Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// URL of the hub.
    pub endpoint: String,
    /// The folder of the cache.
    pub cache: PathBuf,
    /// A token; without one the client takes the one in `token_file`, if any.
    pub token: Option<String>,
    /// Where `hf auth login` stores its token.
    pub token_file: PathBuf,
    /// Whether only the cache may be used.
    pub offline: bool,
}

impl HubSettings {
    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and what they fall
    /// back to, as the Python library does, through `var`.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let ordinary = || {
            let cache = var("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.unwrap_or_else(|| Path::new(&var("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache"));
            cache.join("huggingface")
        };
        let home = var("HF_HOME").map_or_else(ordinary, PathBuf::from);
        let cache = var("HF_HUB_CACHE").or_else(|| var("HUGGINGFACE_HUB_CACHE")).map(PathBuf::from);
        let offline = var("HF_HUB_OFFLINE")
            .is_some_and(|value| matches!(value.trim().to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"));
        Self {
            endpoint: var("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned()),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            token_file: var("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from),
            token: var("HF_TOKEN").or_else(|| var("HUGGING_FACE_HUB_TOKEN")).map(|token| token.trim().to_owned()),
            offline,
        }
    }
}

impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("HubSettings")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("token", &token)
            .field("offline", &self.offline)
            .finish()
    }
}

/// The files of one split at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The files, in the order of their rows.
    pub files: Vec<PathBuf>,
    /// The commit they are from.
    pub commit: String,
}

/// Returns the files of a dataset, from the cache when they are all there, else from the hub.
///
/// A revision that is not a commit is resolved once: the commit is written to `refs/spotter/<revision>` in the cache of
/// the dataset, and later loads take that one whatever the branch has become. Naming a commit, or removing that file,
/// moves on.
///
/// # Errors
/// [`DatasetError::NotFound`] for an unknown dataset, revision or split, [`DatasetError::Unauthorized`] when the hub
/// refuses, [`DatasetError::Unavailable`] when it cannot be reached or breaks off.
pub async fn download(dataset: &HubDataset, settings: &HubSettings) -> Result<Download, DatasetError> {
    let cache = Cache::of(dataset, settings);
    if let Some(commit) = cache.commit(&dataset.revision)
        && let Ok(shards) = Shards::of_folder(&cache.snapshot(&commit))
        && let Ok(names) = shards.choose(dataset.split.as_deref())
        && shards::complete(&names)
    {
        cache.record(&dataset.revision, &commit)?;
        return Ok(Download { files: cache.paths(&commit, &names), commit });
    }
    let HubDataset { id, revision, .. } = dataset;
    if settings.offline {
        let place = settings.cache.display();
        let hint = "hint: unset HF_HUB_OFFLINE to download it";
        return Err(DatasetError::Unavailable(format!("`{id}` at `{revision}` is not in the cache `{place}`\n{hint}")));
    }
    let failed = |err: HubFailure| failure(dataset, settings, err);
    let client = HubClient::new(settings).map_err(failed)?;
    let (commit, listed) = within(ANSWER, client.info(id, revision), dataset).await?.map_err(failed)?;
    let commit = Some(commit).filter(|sha| shards::is_commit(sha));
    let commit = commit.ok_or_else(|| DatasetError::Unavailable(format!("the hub gave no commit for `{id}`")))?;
    let names = Shards::new(listed)
        .choose(dataset.split.as_deref())
        .map_err(|reason| DatasetError::NotFound(format!("`{id}` at `{revision}` {reason}")))?;
    for name in &names {
        let sent = client.fetch(id, &commit, name, &cache.0);
        let path = within(FILE_LIMIT, sent, dataset).await?.map_err(failed)?;
        check_whole(&path)?;
    }
    cache.record(revision, &commit)?;
    Ok(Download { files: cache.paths(&commit, &names), commit })
}

/// Returns the commit that a dataset's revision stands for, as far as the cache knows.
pub fn commit(dataset: &HubDataset, settings: &HubSettings) -> Option<String> {
    Cache::of(dataset, settings).commit(&dataset.revision)
}

/// The part of the cache that belongs to one dataset.
struct Cache(PathBuf);

impl Cache {
    fn of(dataset: &HubDataset, settings: &HubSettings) -> Self {
        Self(settings.cache.join(format!("datasets--{}", dataset.id.replace('/', "--"))))
    }

    /// Returns the commit that `revision` stands for, as far as the cache knows.
    fn commit(&self, revision: &str) -> Option<String> {
        if shards::is_commit(revision) {
            return Some(revision.to_owned());
        }
        let read = |folder: PathBuf| std::fs::read_to_string(folder.join(revision)).ok();
        let text = read(self.0.join("refs/spotter")).or_else(|| read(self.0.join("refs")))?;
        Some(text.trim().to_owned()).filter(|commit| shards::is_commit(commit))
    }

    /// Keeps what `revision` was resolved to.
    fn record(&self, revision: &str, commit: &str) -> Result<(), DatasetError> {
        let path = self.0.join("refs/spotter").join(revision);
        if shards::is_commit(revision) || path.exists() {
            return Ok(());
        }
        let io = |source| DatasetError::Io { path: path.clone(), source };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(io)?;
        std::fs::write(&path, commit).map_err(io)
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.0.join("snapshots").join(commit)
    }

    fn paths(&self, commit: &str, names: &[String]) -> Vec<PathBuf> {
        names.iter().map(|name| self.snapshot(commit).join(name)).collect()
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>, dataset: &HubDataset) -> Result<T, DatasetError> {
    let late = |_| DatasetError::Unavailable(format!("`{}` took longer than {} s", dataset.id, limit.as_secs()));
    tokio::time::timeout(limit, work).await.map_err(late)
}

/// Checks that a downloaded Parquet file is one to its end, and drops it from the cache when it is not: the client
/// stores whatever body it was sent, an error page too.
fn check_whole(path: &Path) -> Result<(), DatasetError> {
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    if path.extension().is_none_or(|extension| extension != "parquet") || shards::is_parquet(path).map_err(io)? {
        return Ok(());
    }
    if let Ok(blob) = path.canonicalize() {
        std::fs::remove_file(blob).map_err(io)?;
    }
    std::fs::remove_file(path).map_err(io)?;
    Err(DatasetError::Unavailable(format!("the hub did not send the whole of `{}`: try again", path.display())))
}

/// Says what went wrong on the hub, by what the caller can do.
fn failure(dataset: &HubDataset, settings: &HubSettings, failure: HubFailure) -> DatasetError {
    let HubDataset { id, revision, .. } = dataset;
    let endpoint = &settings.endpoint;
    match failure {
        HubFailure::Refused => {
            DatasetError::Unauthorized(format!("`{endpoint}` refuses `{id}`: it is private, gated or misspelt"))
        }
        HubFailure::NotFound => {
            DatasetError::NotFound(format!("`{endpoint}` has no dataset `{id}` at revision `{revision}`"))
        }
        HubFailure::Other(why) => DatasetError::Unavailable(format!("cannot get `{id}` from `{endpoint}`: {why}")),
    }
}
