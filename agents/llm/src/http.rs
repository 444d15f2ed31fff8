//! Asks an OpenAI-compatible server, once.

use std::fmt;
use std::time::{Duration, SystemTime};

use agent_core::{Completion, Model, ModelError, Request};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_trait::async_trait;
use futures_util::StreamExt;
use reqwest::Response;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::failure::{Failure, retry_after, shorten};
use crate::prices::Price;
use crate::request_body::request_body;
use crate::response::{embedded_failure, read_response};
use crate::secret::Secret;
use crate::stream::Assembly;
use crate::{ConnectError, ModelConfig};

/// An OpenAI-compatible server. Every call is one request: trying again is the affair of [`crate::retry::Retry`].
pub(crate) struct Http {
    client: Client<OpenAIConfig>,
    config: ModelConfig,
    name: String,
    key: Secret,
    ours: bool,
    price: Option<Price>,
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

impl Http {
    pub(crate) fn new(
        config: &ModelConfig,
        name: &str,
        server: Server,
        price: Option<Price>,
    ) -> Result<Self, ConnectError> {
        let mut builder = reqwest::Client::builder()
            .timeout(seconds("timeout", config.timeout)?)
            .connect_timeout(seconds("connect_timeout", config.connect_timeout)?);
        if server.is_loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|err| ConnectError::Client(explain(&err)))?;
        let (stream, key) = (config.stream, server.key.clone());
        // A service of our own takes the place of the client's, which would try again by itself, drop the headers and
        // log the bodies.
        let service = tower::service_fn(move |factory: HttpRequestFactory| {
            let (http, key) = (http.clone(), key.clone());
            async move { send(&http, factory, stream, &key).await }
        });
        let mut settings = OpenAIConfig::new().with_api_base(server.base_url).with_api_key(server.key.reveal());
        if !server.is_openai {
            settings = settings.with_org_id("").with_project_id("");
        }
        let client = Client::with_config(settings).with_http_service(service);
        let (key, ours) = (server.key, server.is_openai);
        Ok(Self { client, config: config.clone(), name: name.to_owned(), key, ours, price })
    }

    async fn ask(&self, request: &Request) -> Result<Completion, ModelError> {
        let body = request_body(&self.config, &self.name, request, self.ours);
        let answer = if self.config.stream {
            self.streamed(body).await?
        } else {
            self.client.chat().create_byot(body).await.map_err(into_error)?
        };
        read_response(&answer, request, self.price.as_ref())
    }

    async fn streamed(&self, body: Value) -> Result<Value, ModelError> {
        let mut chunks = self.client.chat().create_stream_byot::<_, Value>(body).await.map_err(into_error)?;
        let mut assembly = Assembly::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(into_error)?;
            if let Some(failure) = embedded_failure(&chunk) {
                return Err(failure.into_error());
            }
            assembly.add(&chunk);
        }
        if assembly.is_finished() {
            return Ok(assembly.into_body());
        }
        Err(transient("the model's server ended its stream half-way"))
    }
}

#[async_trait]
impl Model for Http {
    fn name(&self) -> &str {
        &self.name
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        self.ask(request).await.map_err(|err| redacted(&self.key, err))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("name", &self.name).field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why there is no answer to hand on. It travels through the client inside of its own error.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("refused")]
    Refused(Failure),
    #[error("{0}")]
    Broken(String),
}

/// Sends a request, and hands on only an answer that the client can read.
async fn send(
    http: &reqwest::Client,
    factory: HttpRequestFactory,
    stream: bool,
    key: &Secret,
) -> Result<Response, OpenAIError> {
    let mut request = factory.build().await?;
    if key.reveal().is_empty() {
        request.headers_mut().remove(AUTHORIZATION);
    }
    let response = http.execute(request).await.map_err(|err| trouble(Trouble::Broken(explain(&err))))?;
    let status = response.status();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    tracing::debug!(status = status.as_u16(), "the model's server answered");
    if stream && status.is_success() {
        return Ok(response);
    }
    let bytes = response.bytes().await.map_err(|err| trouble(Trouble::Broken(explain(&err))))?;
    if !status.is_success() {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        return Err(trouble(Trouble::Refused(Failure { status: Some(status.as_u16()), retry_after, body })));
    }
    if let Err(err) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        let start = key.redact(&shorten(&String::from_utf8_lossy(&bytes)).chars().take(200).collect::<String>());
        let message = format!("the model's server sent an answer that is not JSON: {err}\nit begins: `{start}`");
        return Err(trouble(Trouble::Broken(message)));
    }
    Ok(http::Response::new(bytes).into())
}

fn trouble(trouble: Trouble) -> OpenAIError {
    OpenAIError::Boxed(Box::new(trouble))
}

fn into_error(err: OpenAIError) -> ModelError {
    match err {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Trouble>().map(|trouble| *trouble) {
            Ok(Trouble::Refused(failure)) => failure.into_error(),
            Ok(Trouble::Broken(message)) => transient(&message),
            Err(other) => ModelError::Permanent(other.to_string()),
        },
        OpenAIError::InvalidArgument(message) => ModelError::Permanent(message),
        OpenAIError::Reqwest(err) if err.is_builder() => ModelError::Permanent(explain(&err)),
        OpenAIError::Reqwest(err) => transient(&explain(&err)),
        // Pieces of a stream: cut off, reset, or not JSON.
        other => transient(&shorten(&other.to_string())),
    }
}

fn transient(message: &str) -> ModelError {
    ModelError::Transient { message: message.to_owned(), retry_after: None }
}

fn redacted(key: &Secret, err: ModelError) -> ModelError {
    match err {
        ModelError::Transient { message, retry_after } => {
            ModelError::Transient { message: key.redact(&message), retry_after }
        }
        ModelError::ContextLength(message) => ModelError::ContextLength(key.redact(&message)),
        ModelError::Permanent(message) => ModelError::Permanent(key.redact(&message)),
    }
}

/// Returns an error with its causes, which name what went wrong on the wire.
fn explain(err: &reqwest::Error) -> String {
    let mut text = if err.is_timeout() { "the model's server took too long".to_owned() } else { err.to_string() };
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn seconds(setting: &'static str, value: f64) -> Result<Duration, ConnectError> {
    let duration = Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero());
    duration.ok_or(ConnectError::NotSeconds { setting, value })
}
