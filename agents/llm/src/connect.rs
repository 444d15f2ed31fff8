//! From settings to a model that can be asked.

use std::sync::Arc;

use agent_core::Model;
use prompts::Prompts;

use crate::gateway::gateways::Gateways;
use crate::limits::budget::BudgetLimits;
use crate::server::client::Server;
use crate::server::endpoint::Endpoint;
use crate::server::prices::Prices;
use crate::server::secret::Secret;
use crate::{ConnectError, ModelConfig};

const OPENAI: &str = "https://api.openai.com/v1";

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
    Ok(Gateways::new(None, BudgetLimits::default())?.connect_in(config, prices, prompts, variable)?.model(""))
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
