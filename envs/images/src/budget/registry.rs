//! What a registry says of an image before it is pulled: its layers, and what they take.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use docker::{Login, Reference, chain};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tool_core::Host;

use super::planner::Layer;

/// How long a registry may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// Tries of a request that the registry is too busy for.
const TRIES: u32 = 4;
/// The longest pause between them that a registry may ask for.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a manifest may be.
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
/// How much larger than its download a layer is taken to be where that cannot be determined.
const RATIO: u64 = 4;

/// Asks registries.
pub(crate) struct Registry {
    client: Client,
    host: Host,
    /// The header of authorization by registry and repository.
    tokens: Mutex<HashMap<String, Option<String>>>,
    /// What layers take, by digest.
    sizes: Mutex<HashMap<String, u64>>,
    /// The registries that count what they are asked for: every manifest would be one pull less.
    counting: Mutex<HashSet<String>>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<OfPlatform>,
    #[serde(default)]
    layers: Vec<Blob>,
    config: Option<Blob>,
}

#[derive(Deserialize)]
struct OfPlatform {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Blob {
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default, rename = "mediaType")]
    media_type: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registry {
    pub(crate) fn new(host: Host) -> Result<Self, String> {
        // A process has one crypto provider; an earlier call has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().connect_timeout(SILENCE).read_timeout(SILENCE).build().map_err(said)?;
        let (tokens, sizes, counting) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { client, host, tokens, sizes, counting })
    }

    /// Returns the layers of an image, the lowest first; `None` where the registry counts what it is asked for.
    pub(crate) async fn layers(&self, name: &str, platform: Option<&str>) -> Result<Option<Vec<Layer>>, String> {
        let reference = Reference::parse(name);
        if lock(&self.counting).contains(&reference.registry) {
            return Ok(None);
        }
        let path = format!("manifests/{}", reference.version);
        // To ask whether there is such a manifest costs nothing.
        let head = self.send(Method::HEAD, &reference, &path, &[(ACCEPT.as_str(), MANIFESTS)]).await?;
        if counts(head.headers()) {
            lock(&self.counting).insert(reference.registry.clone());
            return Ok(None);
        }
        let mut manifest: Manifest = self.get(&reference, &path).await?;
        if !manifest.manifests.is_empty() {
            let digest = pick(&manifest.manifests, platform).ok_or("it has no image for this platform")?;
            manifest = self.get(&reference, &format!("manifests/{digest}")).await?;
        }
        let config = manifest.config.ok_or("its manifest names no configuration")?;
        let ImageConfig { rootfs } = self.get(&reference, &format!("blobs/{}", config.digest)).await?;
        if rootfs.diff_ids.len() != manifest.layers.len() {
            return Err("its manifest and its configuration do not match".to_owned());
        }
        let mut layers = Vec::new();
        for (blob, key) in manifest.layers.iter().zip(chain(&rootfs.diff_ids)) {
            let bytes = self.size(&reference, blob).await;
            layers.push(Layer { key, bytes, download: blob.size });
        }
        Ok(Some(layers))
    }

    /// Returns how long a registry that counts gives nothing; `None` where it does.
    pub(crate) async fn pause(&self, name: &str) -> Option<Duration> {
        let reference = Reference::parse(name);
        let path = format!("manifests/{}", reference.version);
        let head = self.once(Method::HEAD, &reference, &path, &[(ACCEPT.as_str(), MANIFESTS)]).await.ok()?;
        if counts(head.headers()) {
            lock(&self.counting).insert(reference.registry.clone());
        }
        let is_spent = remaining(head.headers()) == Some(0) || head.status() == StatusCode::TOO_MANY_REQUESTS;
        is_spent.then(|| asked_pause(head.headers()).unwrap_or(PATIENCE).clamp(Duration::from_secs(1), PATIENCE))
    }

    /// Returns whether a registry counts, as far as is known.
    pub(crate) fn is_counting(&self, name: &str) -> bool {
        lock(&self.counting).contains(&Reference::parse(name).registry)
    }

    /// Returns what a layer takes once it is unpacked: what the last bytes of its download say, which are those of one
    /// file of gzip, or a guess.
    async fn size(&self, reference: &Reference, blob: &Blob) -> u64 {
        if let Some(bytes) = lock(&self.sizes).get(&blob.digest) {
            return *bytes;
        }
        let guess = blob.size.saturating_mul(RATIO);
        let bytes = match self.end(reference, blob).await {
            Some(end) => unpacked(u64::from(end), blob.size).unwrap_or(guess),
            None => guess,
        };
        lock(&self.sizes).insert(blob.digest.clone(), bytes);
        bytes
    }

    async fn end(&self, reference: &Reference, blob: &Blob) -> Option<u32> {
        if !blob.media_type.ends_with("gzip") {
            return None;
        }
        let path = format!("blobs/{}", blob.digest);
        let answer = self.send(Method::GET, reference, &path, &[(RANGE.as_str(), "bytes=-4")]).await.ok()?;
        // One that knows no ranges sends all of it, which is not read.
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return None;
        }
        let bytes = answer.bytes().await.ok()?;
        Some(u32::from_le_bytes(bytes.as_ref().try_into().ok()?))
    }

    async fn get<T: DeserializeOwned>(&self, reference: &Reference, path: &str) -> Result<T, String> {
        let answer = self.send(Method::GET, reference, path, &[(ACCEPT.as_str(), MANIFESTS)]).await?;
        let bytes = answer.bytes().await.map_err(said)?;
        serde_json::from_slice(&bytes).map_err(|err| format!("its answer has an unexpected form: {err}"))
    }

    /// Sends a request, and again where the registry is busy.
    async fn send(
        &self,
        method: Method,
        reference: &Reference,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response, String> {
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let answer = self.once(method.clone(), reference, path, headers).await;
            let reason = match answer {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let status = answer.status();
                    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
                        return Err(format!("`{}` answers {status}", reference.registry));
                    }
                    pause = asked_pause(answer.headers()).unwrap_or(pause).min(PATIENCE);
                    format!("`{}` answers {status}", reference.registry)
                }
                Err(reason) => reason,
            };
            if attempt == TRIES {
                return Err(reason);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err("no request was sent".to_owned())
    }

    /// Sends a request, and again with a token where the registry asks for one.
    async fn once(
        &self,
        method: Method,
        reference: &Reference,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response, String> {
        let key = format!("{}/{}", reference.registry, reference.repository);
        let url = format!("{}/v2/{}/{path}", reference.address(), reference.repository);
        for is_second in [false, true] {
            let mut request = self.client.request(method.clone(), &url);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(token) = lock(&self.tokens).get(&key).cloned().flatten() {
                request = request.header(AUTHORIZATION, token);
            }
            let answer = request.send().await.map_err(said)?;
            if answer.status() != StatusCode::UNAUTHORIZED || is_second {
                return Ok(answer);
            }
            let asked = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            let token = self.authorize(reference, asked.unwrap_or_default()).await?;
            lock(&self.tokens).insert(key.clone(), token);
        }
        Err("no request was sent".to_owned())
    }

    /// Returns the header that a registry asks for.
    async fn authorize(&self, reference: &Reference, asked: &str) -> Result<Option<String>, String> {
        let login = Login::find(&reference.registry, &self.host).await?;
        let Some(challenge) = asked.strip_prefix("Bearer ") else {
            return Ok(login.and_then(|login| login.basic()));
        };
        let challenge = parameters(challenge);
        let realm = challenge.get("realm").ok_or("it asks for a token and does not say where to get one")?;
        let mut url = reqwest::Url::parse(realm).map_err(|err| format!("`{realm}` is not an address: {err}"))?;
        let scope = format!("repository:{}:pull", reference.repository);
        let service = challenge.get("service").map(String::as_str).unwrap_or_default();
        let request = match login.as_ref().and_then(Login::identity) {
            Some(identity) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", "spotter"),
                    ("service", service),
                    ("scope", &scope),
                    ("refresh_token", identity),
                ];
                // A form is written as a query is.
                let mut body = url.clone();
                body.query_pairs_mut().clear().extend_pairs(form);
                let request = self.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                request.body(body.query().unwrap_or_default().to_owned())
            }
            None => {
                url.query_pairs_mut().extend_pairs([("service", service), ("scope", &scope)]);
                let request = self.client.get(url);
                match login.and_then(|login| login.basic()) {
                    Some(basic) => request.header(AUTHORIZATION, basic),
                    None => request,
                }
            }
        };
        let answer = request.send().await.map_err(said)?;
        if !answer.status().is_success() {
            return Err(format!("no token for `{}`: the answer is {}", reference.registry, answer.status()));
        }
        let bytes = answer.bytes().await.map_err(said)?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| "its token is not as expected".to_owned())?;
        Ok(token.token.or(token.access_token).map(|token| format!("Bearer {token}")))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns an error with its causes, and without its address, which may hold a secret.
fn said(err: reqwest::Error) -> String {
    let err = err.without_url();
    let mut text = err.to_string();
    let mut source = std::error::Error::source(&err);
    while let Some(err) = source {
        text = format!("{text}: {err}");
        source = err.source();
    }
    text
}

/// Returns what a download takes once it is unpacked, by the lower 32 bits of that; `None` where they cannot be right.
fn unpacked(end: u64, download: u64) -> Option<u64> {
    const WRAP: u64 = 1 << 32;
    // What cannot be packed takes a little more when it is.
    let least = (download - download / 64).saturating_sub(1024);
    let whole = if end >= least { end } else { end + (least - end).div_ceil(WRAP) * WRAP };
    // A small file that is said to be huge is one of several parts, of which the last says nothing of the others.
    let is_likely = whole <= download.saturating_mul(64).max(1 << 26) && (end > 0 || download < 1024);
    // Where the bits may have gone round once more, the usual ratio is the safe side.
    is_likely.then(|| if download > WRAP / RATIO { whole.max(download.saturating_mul(3)) } else { whole })
}

/// Returns the digest of the manifest for a platform, or for this machine's.
fn pick<'a>(manifests: &'a [OfPlatform], platform: Option<&str>) -> Option<&'a str> {
    let own = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let (os, architecture) = platform.and_then(|platform| platform.split_once('/')).unwrap_or(("linux", own));
    let architecture = architecture.split('/').next().unwrap_or(architecture);
    let fits = |one: &&OfPlatform| {
        one.platform.as_ref().is_some_and(|platform| platform.os == os && platform.architecture == architecture)
    };
    manifests.iter().find(fits).map(|one| one.digest.as_str())
}

/// Returns the parameters of a challenge: `realm="https://…",service="…"`.
fn parameters(challenge: &str) -> HashMap<String, String> {
    let mut parameters = HashMap::new();
    let mut rest = challenge;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { break };
        parameters.insert(name.trim_matches([' ', ',']).to_lowercase(), value.to_owned());
        rest = after;
    }
    parameters
}

fn counts(headers: &HeaderMap) -> bool {
    headers.contains_key("ratelimit-limit") || headers.contains_key("docker-ratelimit-source")
}

/// Returns how many pulls are left: `ratelimit-remaining: 93;w=21600`.
fn remaining(headers: &HeaderMap) -> Option<u64> {
    headers.get("ratelimit-remaining")?.to_str().ok()?.split(';').next()?.trim().parse().ok()
}

fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    Some(Duration::from_secs(headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?))
}

#[cfg(test)]
mod tests;
