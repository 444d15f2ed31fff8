//! The part of the hub's interface that downloads a file into the cache that every Hugging Face library shares.
//!
//! Two requests are all that is needed of it; the hub's own crate brings another hundred for its new storage protocol.
//! The cache is laid out as <https://huggingface.co/docs/huggingface_hub/guides/manage-cache> has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{ETAG, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use crate::download_lock::DownloadLock;
use crate::hub::{HubSettings, SILENCE};

/// Tries of a request that the hub is too busy for.
const TRIES: u32 = 3;
/// The pause before the second, where the hub does not name one; each further one is longer by as much.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that the hub may ask for.
const PATIENCE: Duration = Duration::from_secs(20);
/// A download of another process that shows no life for so long is none: it would have given up by itself.
const LOCK_PATIENCE: Duration = SILENCE.saturating_mul(2);
/// Redirections that are followed.
const HOPS: usize = 10;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HubFailure {
    /// A token is missing or not sufficient.
    Refused,
    /// There is no such dataset, revision or file.
    NotFound,
    /// Anything else, in words.
    Other(String),
}

/// A client of one hub.
pub(crate) struct HubClient {
    /// Follows redirections to wherever the files are.
    files: Client,
    /// Follows those within the hub alone: its own answer says what a file is.
    hub: Client,
    endpoint: String,
    token: Option<String>,
}

/// What the hub says of a revision.
#[derive(Deserialize)]
struct Info {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl HubClient {
    /// Returns a client; the token that is stored is read where none is set.
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubFailure> {
        // A process has one crypto provider; an earlier call has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || Client::builder().connect_timeout(SILENCE).read_timeout(SILENCE);
        let stay = Policy::custom(|attempt| {
            let is_elsewhere =
                attempt.previous().last().is_some_and(|from| from.host_str() != attempt.url().host_str());
            if is_elsewhere || attempt.previous().len() > HOPS { attempt.stop() } else { attempt.follow() }
        });
        let stored = || fs::read_to_string(&settings.token_file).ok().map(|token| token.trim().to_owned());
        Ok(Self {
            files: builder().redirect(Policy::limited(HOPS)).build().map_err(other)?,
            hub: builder().redirect(stay).build().map_err(other)?,
            endpoint: settings.endpoint.trim_end_matches('/').to_owned(),
            token: settings.token.clone().or_else(stored).filter(|token| !token.is_empty()),
        })
    }

    /// Returns the commit that a revision stands for, and the files in it.
    pub(crate) async fn info(&self, id: &str, revision: &str) -> Result<(String, Vec<String>), HubFailure> {
        let url = format!("{}/api/datasets/{id}/revision/{}", self.endpoint, revision.replace('/', "%2F"));
        let answer = self.send(&self.files, Method::GET, &url).await?;
        let bytes = answer.bytes().await.map_err(other)?;
        let info: Info = serde_json::from_slice(&bytes)
            .map_err(|err| HubFailure::Other(format!("its answer about the dataset has an unexpected form: {err}")))?;
        let names = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok((info.sha.unwrap_or_default(), names))
    }

    /// Downloads a file of a commit into the cache of its dataset, unless it is there; returns its path.
    pub(crate) async fn fetch(&self, id: &str, commit: &str, name: &str, cache: &Path) -> Result<PathBuf, HubFailure> {
        let path = cache.join("snapshots").join(commit).join(name);
        if path.exists() {
            return Ok(path);
        }
        let url = format!("{}/datasets/{id}/resolve/{commit}/{}", self.endpoint, encoded(name));
        let head = self.send(&self.hub, Method::HEAD, &url).await?;
        let etag =
            etag(head.headers()).ok_or_else(|| HubFailure::Other(format!("it does not say which `{name}` is")))?;
        let blob = cache.join("blobs").join(etag);
        if !blob.exists() {
            self.download(&url, &blob, size(head.headers())).await?;
        }
        link(&blob, &path, name).map_err(other)?;
        Ok(path)
    }

    /// Downloads the contents of a file, unless another process does so meanwhile.
    async fn download(&self, url: &str, blob: &Path, size: Option<u64>) -> Result<(), HubFailure> {
        fs::create_dir_all(blob.parent().unwrap_or(Path::new("."))).map_err(other)?;
        let Some(mut lock) = DownloadLock::wait(blob, LOCK_PATIENCE).await.map_err(other)? else { return Ok(()) };
        let answer = self.send(&self.files, Method::GET, url).await?;
        store(answer, blob, size, &mut lock).await
    }

    async fn send(&self, client: &Client, method: Method, url: &str) -> Result<Response, HubFailure> {
        for attempt in 1.. {
            let mut request = client.request(method.clone(), url);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let answer = match request.send().await {
                Ok(answer) => answer,
                // It never came to an answer.
                Err(err) if attempt < TRIES && (err.is_connect() || err.is_timeout() || err.is_request()) => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    continue;
                }
                Err(err) => return Err(other(err)),
            };
            let status = answer.status();
            let is_busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            if is_busy && attempt < TRIES {
                let asked =
                    answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
                tokio::time::sleep(asked.map_or(PAUSE * attempt, Duration::from_secs).min(PATIENCE)).await;
                continue;
            }
            return match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(HubFailure::Refused),
                StatusCode::NOT_FOUND => Err(HubFailure::NotFound),
                status if status.is_client_error() || status.is_server_error() => {
                    Err(HubFailure::Other(format!("it answers `{status}`")))
                }
                _ => Ok(answer),
            };
        }
        Err(HubFailure::Other("it is too busy".to_owned()))
    }
}

/// Returns the name of a file's contents: of the large file behind it, where it is one.
fn etag(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-linked-etag").or_else(|| headers.get(ETAG))?.to_str().ok()?;
    let name = value.trim().trim_start_matches("W/").trim_matches('"');
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(is_safe)).then(|| name.to_owned())
}

/// Returns how long a file is, as the hub says: the large file behind it, where it is one.
fn size(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-linked-size")?.to_str().ok()?.trim().parse().ok()
}

/// Returns a path with what means something else in a URL written as it has to be there.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let shown = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(shown).collect()
}

/// Writes a body to a file, which is there only once it is whole. What was written is gone when this is given up.
async fn store(answer: Response, blob: &Path, size: Option<u64>, lock: &mut DownloadLock) -> Result<(), HubFailure> {
    let folder = blob.parent().unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().suffix(".incomplete").tempfile_in(folder).map_err(other)?;
    let mut file = tokio::fs::File::from_std(part.reopen().map_err(other)?);
    let (mut body, mut length) = (answer.bytes_stream(), 0);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(other)?;
        length += piece.len() as u64;
        lock.beat();
        file.write_all(&piece).await.map_err(other)?;
    }
    if let Some(size) = size.filter(|size| *size != length) {
        return Err(HubFailure::Other(format!("it sent {length} bytes of {size}")));
    }
    file.sync_all().await.map_err(other)?;
    part.persist(blob).map_err(|err| other(err.error))?;
    Ok(())
}

/// Makes the name of a file in a snapshot point to its contents.
fn link(blob: &Path, path: &Path, name: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // From the folder of the file in its snapshot up to that of the dataset.
    let up = "../".repeat(name.split('/').count() + 1);
    let target = PathBuf::from(format!("{up}blobs")).join(blob.file_name().unwrap_or_default());
    match std::os::unix::fs::symlink(target, path) {
        Err(err) if err.kind() != std::io::ErrorKind::AlreadyExists => Err(err),
        _ => Ok(()),
    }
}

/// Joins an error with its causes, leaving out what a cause repeats.
fn other(err: impl std::error::Error) -> HubFailure {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        let cause = err.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = err.source();
    }
    HubFailure::Other(text)
}
