//! Asks an OpenAI-compatible server, once.

use std::fmt;
use std::time::{Duration, SystemTime};

use agent_core::{Completion, Model, ModelError, Request};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
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
            // Loading the system's certificates takes longer than all the rest.
            if server.base_url.starts_with("http:") {
                builder = builder.tls_certs_only([]);
            }
        }
        let http = builder.build().map_err(|err| ConnectError::Client(explain(&err)))?;
        let (streams, key) = (config.stream, server.key.clone());
        // A service of our own takes the place of the client's, which would try again by itself, drop the headers and
        // log the bodies.
        let service = tower::service_fn(move |factory: HttpRequestFactory| {
            let (http, key) = (http.clone(), key.clone());
            async move { send(&http, factory, streams, &key).await }
        });
        let mut settings = OpenAIConfig::new().with_api_base(server.base_url).with_api_key(server.key.reveal());
        if !server.is_openai {
            settings = settings.with_org_id("").with_project_id("");
        }
        let client = Client::with_config(settings).with_http_service(service);
        Ok(Self { client, config: config.clone(), name: name.to_owned(), ours: server.is_openai, price })
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
        self.ask(request).await
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("name", &self.name).finish_non_exhaustive()
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

/// Sends a request, and hands on only an answer that the client can read. The client logs what it cannot read, so that
/// the key is taken out of all that a server sends here at the door.
async fn send(
    http: &reqwest::Client,
    factory: HttpRequestFactory,
    streams: bool,
    key: &Secret,
) -> Result<Response, OpenAIError> {
    let mut request = factory.build().await?;
    if key.reveal().is_empty() {
        request.headers_mut().remove(AUTHORIZATION);
    } else if let Some(header) = request.headers_mut().get_mut(AUTHORIZATION) {
        header.set_sensitive(true);
    }
    let response = http.execute(request).await.map_err(|err| broken(explain(&err)))?;
    let status = response.status();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    tracing::debug!(status = status.as_u16(), "the model's server answered");
    if streams && status.is_success() {
        let lines = redacted_lines(response, key.clone());
        return Ok(http::Response::new(reqwest::Body::wrap_stream(lines)).into());
    }
    let bytes = response.bytes().await.map_err(|err| broken(explain(&err)))?;
    let body = key.redact(&bytes);
    if !status.is_success() {
        return Err(trouble(Trouble::Refused(Failure { status: Some(status.as_u16()), retry_after, body })));
    }
    if let Err(err) = serde_json::from_str::<serde::de::IgnoredAny>(&body) {
        let start: String = shorten(&body).chars().take(200).collect();
        return Err(broken(format!("the model's server sent an answer that is not JSON: {err}\nit begins: `{start}`")));
    }
    Ok(http::Response::new(body).into())
}

/// Returns the body line by line, so that a key that comes in two pieces is found as well.
fn redacted_lines(response: Response, key: Secret) -> impl Stream<Item = Result<String, reqwest::Error>> {
    let start = (response.bytes_stream(), Vec::new(), key);
    stream::try_unfold(start, |(mut body, mut rest, key)| async move {
        loop {
            match body.next().await.transpose()? {
                Some(bytes) => rest.extend_from_slice(&bytes),
                None if rest.is_empty() => return Ok(None),
                None => return Ok(Some((key.redact(&std::mem::take(&mut rest)), (body, rest, key)))),
            }
            if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
                let lines: Vec<u8> = rest.drain(..=end).collect();
                return Ok(Some((key.redact(&lines), (body, rest, key))));
            }
        }
    })
}

fn broken(message: String) -> OpenAIError {
    trouble(Trouble::Broken(message))
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
