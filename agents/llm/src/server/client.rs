//! The client of a server: every request is sent once, and no text that comes back has the key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use agent_core::{ModelError, without_lone_surrogates};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Request, Response};

use crate::ConnectError;
use crate::limits::exchange::{End, Exchange};
use crate::limits::pause::pause;
use crate::server::endpoint::{Endpoint, Server};
use crate::server::failure::{Failure, retry_after, shorten};
use crate::server::response::embedded_failure;
use crate::server::secret::Secret;
use crate::stream::assembly::Assembly;
use crate::stream::sse;

/// How a server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transport {
    pub(crate) endpoint: Endpoint,
    /// Seconds that a request may take.
    pub(crate) timeout: f64,
    /// Seconds that establishing a connection may take.
    pub(crate) connect_timeout: f64,
    /// Whether answers come in pieces.
    pub(crate) streams: bool,
}

/// The wire to a server.
pub(crate) struct Wire {
    http: reqwest::Client,
    client: Client<OpenAIConfig>,
    transport: Transport,
    key: Secret,
}

impl Wire {
    /// Returns the client for one request, of which is noted what happens.
    pub(crate) fn client(&self, exchange: Arc<Exchange>) -> Client<OpenAIConfig> {
        let (http, key, transport) = (self.http.clone(), self.key.clone(), self.transport);
        // A service of our own takes the place of the client's, which would try again by itself, drop the headers and
        // log the bodies.
        let service = tower::service_fn(move |factory: HttpRequestFactory| {
            let (http, key, exchange) = (http.clone(), key.clone(), exchange.clone());
            async move { send(&http, factory, &transport, &key, &exchange).await }
        });
        self.client.clone().with_http_service(service)
    }
}

/// Installs the provider of cryptography, of which a process has one; an earlier call has installed the same one.
pub fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns the wire to a server.
pub(crate) fn wire(server: Server, transport: &Transport) -> Result<Wire, ConnectError> {
    let endpoint = transport.endpoint;
    install_cryptography();
    let mut builder = reqwest::Client::builder()
        .timeout(seconds(endpoint, "timeout", transport.timeout)?)
        .connect_timeout(seconds(endpoint, "connect_timeout", transport.connect_timeout)?);
    if server.is_loopback {
        builder = builder.no_proxy();
        // Loading the system's certificates takes longer than all the rest.
        if server.base_url.starts_with("http:") {
            builder = builder.tls_certs_only([]);
        }
    }
    let http = builder.build().map_err(|err| ConnectError::Client(explain(&err, endpoint)))?;
    let key = server.key.clone();
    let mut settings = OpenAIConfig::new().with_api_base(server.base_url).with_api_key(server.key.reveal());
    if !server.is_openai {
        settings = settings.with_org_id("").with_project_id("");
    }
    let client = Client::build(http.clone(), settings);
    Ok(Wire { http, client, transport: *transport, key })
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
    transport: &Transport,
    key: &Secret,
    exchange: &Arc<Exchange>,
) -> Result<Response, OpenAIError> {
    let mut request = factory.build().await?;
    if key.reveal().is_empty() {
        request.headers_mut().remove(AUTHORIZATION);
    } else if let Some(header) = request.headers_mut().get_mut(AUTHORIZATION) {
        header.set_sensitive(true);
    }
    if exchange.is_watched() {
        watch(&mut request, exchange.clone());
    }
    let failed = |err: reqwest::Error| {
        exchange.failed(end_of(&err));
        broken(explain(&err, transport.endpoint))
    };
    let response = http.execute(request).await.map_err(failed)?;
    let (status, server) = (response.status(), transport.endpoint.server());
    let retry_after = retry_after(response.headers(), SystemTime::now());
    exchange.answered(status.as_u16(), pause(response.headers(), status.as_u16(), retry_after, SystemTime::now()));
    tracing::debug!(status = status.as_u16(), "{server} answered");
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.to_ascii_lowercase().contains("json") && !kind.to_ascii_lowercase().contains("ndjson");
    if transport.streams && status.is_success() && !is_json {
        let lines = redacted_lines(response, key.clone());
        return Ok(http::Response::new(reqwest::Body::wrap_stream(lines)).into());
    }
    let bytes = response.bytes().await.map_err(failed)?;
    let body = key.redact(&bytes);
    if !status.is_success() {
        return Err(trouble(Trouble::Refused(Failure { status: Some(status.as_u16()), retry_after, body })));
    }
    if !transport.streams
        && let Some(pieces) = sse::pieces(&body)
    {
        return Ok(http::Response::new(assembled(pieces, server)?).into());
    }
    let body = without_lone_surrogates(body.trim_start_matches('\u{feff}'), r"\ufffd");
    match serde_json::from_str::<serde_json::Value>(&body) {
        // The client waits for a stream, and one piece is one, too.
        Ok(whole) if transport.streams => Ok(http::Response::new(format!("data: {whole}\n\ndata: [DONE]\n\n")).into()),
        Ok(_) => Ok(http::Response::new(body.into_owned()).into()),
        // A stream under the name of JSON is one all the same.
        Err(_) if transport.streams && (sse::pieces(&body).is_some() || body.trim_start().starts_with('{')) => {
            Ok(http::Response::new(sse::read_whole(&body)).into())
        }
        Err(err) => {
            let start: String = shorten(&body).chars().take(200).collect();
            let hint = if body.trim_start().starts_with('<') {
                format!(
                    "\nhint: the server sent a web page: check that `{}.base_url` ends as the server's documentation \
                    says, such as in `/v1`",
                    transport.endpoint.block()
                )
            } else {
                String::new()
            };
            Err(broken(format!("{server} sent an answer that is not JSON: {err}\nit begins: `{start}`{hint}")))
        }
    }
}

/// Tells the exchange when the body is written. A connection asks for it once it can take it.
fn watch(request: &mut Request, exchange: Arc<Exchange>) {
    let Some(bytes) = request.body().and_then(reqwest::Body::as_bytes).map(<[u8]>::to_vec) else { return };
    request.headers_mut().insert(CONTENT_LENGTH, bytes.len().into());
    let body = stream::once(async move {
        exchange.sent();
        Ok::<_, std::convert::Infallible>(bytes)
    });
    *request.body_mut() = Some(reqwest::Body::wrap_stream(body));
}

/// Returns how a request ended with this error.
fn end_of(err: &reqwest::Error) -> End {
    match () {
        () if err.is_connect() => End::Gone,
        () if err.is_timeout() => End::TooLate,
        () => End::Lost,
    }
}

/// Returns the answer of a server that streams although it was not asked to.
fn assembled(pieces: Vec<serde_json::Value>, server: &str) -> Result<String, OpenAIError> {
    let mut assembly = Assembly::default();
    for piece in &pieces {
        if embedded_failure(piece).is_some() {
            return Ok(piece.to_string());
        }
        assembly.add(piece);
    }
    if assembly.is_finished() {
        return Ok(assembly.into_body().to_string());
    }
    Err(broken(format!(
        "{server} sent a stream that was not requested and ended early\nhint: `model.stream=true` asks for one"
    )))
}

/// Returns the body line by line, each in the form that the client reads, so that a key that comes in two pieces is
/// found as well.
fn redacted_lines(response: Response, key: Secret) -> impl Stream<Item = Result<String, reqwest::Error>> {
    let start = (response.bytes_stream(), Vec::new(), key, sse::Lines::default());
    stream::try_unfold(start, |(mut body, mut rest, key, mut form)| async move {
        loop {
            match body.next().await.transpose()? {
                Some(bytes) => rest.extend_from_slice(&bytes),
                None => {
                    let lines = form.read(&key.redact(&std::mem::take(&mut rest))) + &form.end();
                    if lines.is_empty() {
                        return Ok(None);
                    }
                    return Ok(Some((lines, (body, rest, key, form))));
                }
            }
            if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
                let lines: Vec<u8> = rest.drain(..=end).collect();
                let lines = form.read(&key.redact(&lines));
                return Ok(Some((lines, (body, rest, key, form))));
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

/// Returns the server's refusal out of an error of the client, where it is one.
pub(crate) fn into_failure(err: OpenAIError, endpoint: Endpoint) -> Result<Failure, ModelError> {
    match err {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Trouble>().map(|trouble| *trouble) {
            Ok(Trouble::Refused(failure)) => Ok(failure),
            Ok(trouble) => Err(into_error(OpenAIError::Boxed(Box::new(trouble)), endpoint)),
            Err(other) => Err(ModelError::Permanent(other.to_string())),
        },
        other => Err(into_error(other, endpoint)),
    }
}

/// Returns what the caller can do about an error of the client.
pub(crate) fn into_error(err: OpenAIError, endpoint: Endpoint) -> ModelError {
    match err {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Trouble>().map(|trouble| *trouble) {
            Ok(Trouble::Refused(failure)) => failure.into_error(endpoint),
            Ok(Trouble::Broken(message)) => transient(&message),
            Err(other) => ModelError::Permanent(other.to_string()),
        },
        OpenAIError::InvalidArgument(message) => ModelError::Permanent(message),
        OpenAIError::Reqwest(err) if err.is_builder() => ModelError::Permanent(explain(&err, endpoint)),
        OpenAIError::Reqwest(err) => transient(&explain(&err, endpoint)),
        // Pieces of a stream: cut off, reset, or not JSON.
        other => transient(&shorten(&other.to_string())),
    }
}

pub(crate) fn transient(message: &str) -> ModelError {
    ModelError::Transient { message: message.to_owned(), retry_after: None }
}

/// Returns an error with its causes, which name what went wrong on the wire.
fn explain(err: &reqwest::Error, endpoint: Endpoint) -> String {
    let mut text = if err.is_timeout() { format!("{} took too long", endpoint.server()) } else { err.to_string() };
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn seconds(endpoint: Endpoint, setting: &'static str, value: f64) -> Result<Duration, ConnectError> {
    let duration = Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero());
    duration.ok_or(ConnectError::NotSeconds { block: endpoint.block(), setting, value })
}
