//! What a server is asked for, and where it is.

use crate::ConnectError;
use crate::server::secret::Secret;

const OPENAI: &str = "https://api.openai.com/v1";

/// What a server is asked for, which decides what errors call it and which settings they name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Chat,
    Embeddings,
}

impl Endpoint {
    /// Returns the block of settings.
    pub(crate) fn block(self) -> &'static str {
        match self {
            Self::Chat => "model",
            Self::Embeddings => "embeddings",
        }
    }

    /// Returns the path below the server's address.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Embeddings => "/embeddings",
        }
    }

    /// Returns what the server is called.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::Chat => "the model's server",
            Self::Embeddings => "the embeddings' server",
        }
    }
}

/// Where to ask.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) base_url: String,
    pub(crate) key: Secret,
    /// Whether it is on this machine, out of reach of proxies.
    pub(crate) is_loopback: bool,
    /// Whether it is OpenAI's own.
    pub(crate) is_openai: bool,
}

/// Returns where to ask, and with which key.
pub(crate) fn server(
    base_url: Option<&str>,
    api_key_env: &str,
    endpoint: Endpoint,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Server, ConnectError> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let given = base_url.map(str::to_owned).or_else(|| set("OPENAI_BASE_URL"));
    let base_url = given.as_deref().unwrap_or(OPENAI).trim().trim_end_matches('/').to_owned();
    let host = host(&base_url)?;
    let key = match set(api_key_env) {
        Some(key) => Secret::new(&key),
        None if given.is_some() => Secret::default(),
        None => {
            let (block, variable) = (endpoint.block(), api_key_env.to_owned());
            return Err(ConnectError::NoKey { block, variable, url: base_url });
        }
    };
    if !key.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConnectError::BadKey(api_key_env.to_owned()));
    }
    let is_openai = host == "api.openai.com";
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    Ok(Server { base_url, key, is_loopback, is_openai })
}

/// Returns the host of an address that a path can be put behind.
fn host(url: &str) -> Result<String, ConnectError> {
    let bad = |reason| ConnectError::BadUrl { url: without_user(url), reason };
    let parsed = reqwest::Url::parse(url).map_err(|_| bad("it does not parse"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(bad("it must begin with `http://` or `https://`"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(bad("a password belongs in an environment variable"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(bad("it must not have `?` or `#`"));
    }
    parsed.host_str().map(str::to_owned).ok_or_else(|| bad("it has no host"))
}

/// Returns the address as it may be shown: without what is before an `@` or after a `?`.
fn without_user(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    match (shown.split_once("://"), shown.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => shown.to_owned(),
    }
}
