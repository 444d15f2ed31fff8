//! Hands the requests of other programs on to a server, as they are.

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::server::client::{Transport, explain, http_client};
use crate::server::endpoint::{Endpoint, server};
use crate::server::secret::Secret;
use crate::{ConnectError, ModelConfig};

/// Hands the requests of other programs on to a model's server, with the key of the settings. Nothing is changed, tried again
/// or counted: whoever sent the request sees to that.
pub struct Forward {
    http: reqwest::Client,
    address: String,
    key: Secret,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// The status of HTTP.
    pub status: u16,
    /// The body as text, without the key.
    pub body: String,
}

impl Forward {
    /// Returns what hands on to the server of the settings, or to the first of several.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(config: &ModelConfig) -> Result<Self, ConnectError> {
        let first = config.endpoints.first();
        let base_url = first.and_then(|endpoint| endpoint.base_url.as_deref()).or(config.base_url.as_deref());
        let key = first.and_then(|endpoint| endpoint.api_key_env.as_deref()).unwrap_or(&config.api_key_env);
        let server = server(base_url, key, Endpoint::Chat, |name| std::env::var(name).ok())?;
        let (timeout, connect_timeout) = (config.timeout, config.connect_timeout);
        let transport = Transport { endpoint: Endpoint::Chat, timeout, connect_timeout, streams: false };
        let http = http_client(&server, &transport)?;
        Ok(Self { http, address: format!("{}{}", server.base_url, Endpoint::Chat.path()), key: server.key })
    }

    /// Sends the body of a chat completion and returns what came back, whatever its status.
    ///
    /// # Errors
    /// In words, when nothing came back.
    pub async fn send(&self, body: &Value) -> Result<Forwarded, String> {
        let mut request =
            self.http.post(&self.address).header("content-type", "application/json").body(body.to_string());
        if !self.key.reveal().is_empty() {
            let mut value = reqwest::header::HeaderValue::from_str(&format!("Bearer {}", self.key.reveal()))
                .map_err(|_| "the key cannot be sent".to_owned())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let failed = |err: reqwest::Error| explain(&err, Endpoint::Chat);
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(failed)?;
        Ok(Forwarded { status, body: self.key.redact(&bytes) })
    }
}
