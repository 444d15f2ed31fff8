//! From settings to a model that can be asked.

use std::sync::Arc;

use agent_core::Model;
use prompts::Prompts;

use crate::call_limit::CallLimit;
use crate::client::Server;
use crate::endpoint::Endpoint;
use crate::http::Http;
use crate::prices::Prices;
use crate::retry::Retry;
use crate::secret::Secret;
use crate::text_protocol::{Form, TextProtocol};
use crate::{ModelConfig, SeveralCalls, ToolCalls};

const OPENAI: &str = "https://api.openai.com/v1";

/// Why there is no model to ask.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings name no model.
    #[error("no model is configured\nhint: set `model.name`")]
    NoName,
    /// There is no key for a server that wants one.
    #[error(
        "no key for `{url}`: the environment variable `{variable}` is not set\n\
         hint: for a server without keys, set `{block}.base_url`"
    )]
    NoKey {
        /// The block of settings.
        block: &'static str,
        /// The variable that should hold it.
        variable: String,
        /// The server.
        url: String,
    },
    /// The key has characters that no key has.
    #[error("the environment variable `{0}` holds no key: it has characters that cannot be sent")]
    BadKey(String),
    /// The address is none.
    #[error("`{url}` is no address of a server: {reason}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting is no positive number of seconds.
    #[error("`{block}.{setting}` must be a positive number of seconds, not {value}")]
    NotSeconds {
        /// The block of settings.
        block: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
    },
    /// A setting of `embeddings` is 0, with which nothing could be asked.
    #[error("`embeddings.{0}` must be at least 1")]
    Zero(&'static str),
    /// The HTTP client could not be made.
    #[error("the http client could not be made: {0}")]
    Client(String),
}

/// Returns the model of an OpenAI-compatible server, with retries and, where asked for, tool calls in text.
///
/// Reads the key, and the server's address where the settings have none, from the environment.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect(config: &ModelConfig, prices: &Prices, prompts: &Prompts) -> Result<Arc<dyn Model>, ConnectError> {
    connect_in(config, prices, prompts, |name| std::env::var(name).ok())
}

/// Does what [`connect`] does, in the environment that `variable` looks up.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect_in(
    config: &ModelConfig,
    prices: &Prices,
    prompts: &Prompts,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Model>, ConnectError> {
    let name = config.name.as_deref().filter(|name| !name.is_empty()).ok_or(ConnectError::NoName)?;
    let server = server(config.base_url.as_deref(), &config.api_key_env, Endpoint::Chat, variable)?;
    let several = config.several_calls;
    let form = match config.tool_calls {
        ToolCalls::Native => None,
        ToolCalls::Text => Some(Form::Functions { several: several == SeveralCalls::All }),
        ToolCalls::Json => Some(Form::Json),
    };
    let mut settings = config.clone();
    settings.stop.extend(form.and_then(Form::stop_word).map(str::to_owned));
    let http = Http::new(&settings, name, server, prices.find(name).cloned())?;
    let mut model: Arc<dyn Model> = Arc::new(Retry::new(Arc::new(http), config.retry));
    if let Some(form) = form {
        model = Arc::new(TextProtocol::new(model, form, prompts.clone()));
    }
    if several != SeveralCalls::All {
        model = Arc::new(CallLimit::new(model, several == SeveralCalls::Refuse, prompts.clone()));
    }
    Ok(model)
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
        return Err(bad("a password belongs into an environment variable"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(bad("it must not have `?` or `#`"));
    }
    parsed.host_str().map(str::to_owned).ok_or_else(|| bad("it has no host"))
}

/// Returns the address as it may be shown: without what stands before an `@` or behind a `?`.
fn without_user(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    match (shown.split_once("://"), shown.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => shown.to_owned(),
    }
}
