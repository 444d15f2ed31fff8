//! Asks an OpenAI-compatible server, once.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{Completion, FinishReason, Model, ModelError, Request};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::server::adaptation::Refusal;
use crate::server::client::{Server, Transport, client, into_failure, transient};
use crate::server::endpoint::Endpoint;
use crate::server::failure::{Failure, shorten};
use crate::server::prices::Price;
use crate::server::request_body::{Style, request_body};
use crate::server::response::{embedded_failure, read_response};
use crate::server::stray_calls;
use crate::stream::assembly::Assembly;
use crate::{ConnectError, ModelConfig};

/// An OpenAI-compatible server. Every call is one request: trying again is the affair of [`crate::layers::retry::Retry`].
pub(crate) struct Http {
    client: Client<OpenAIConfig>,
    config: ModelConfig,
    name: String,
    /// How requests are written; a refusal may change it.
    style: Mutex<Style>,
    /// Whether calls in the text were spoken of.
    told: AtomicBool,
    price: Option<Price>,
}

impl Http {
    pub(crate) fn new(
        config: &ModelConfig,
        name: &str,
        server: Server,
        price: Option<Price>,
    ) -> Result<Self, ConnectError> {
        let ours = server.is_openai;
        let (timeout, connect_timeout) = (config.timeout, config.connect_timeout);
        let transport = Transport { endpoint: Endpoint::Chat, timeout, connect_timeout, streams: config.stream };
        let client = client(server, &transport)?;
        let style = Mutex::new(Style::new(config, ours));
        Ok(Self { client, config: config.clone(), name: name.to_owned(), style, told: AtomicBool::new(false), price })
    }

    /// Asks until there is an answer or an error that another form of the request does not mend.
    async fn ask(&self, request: &Request) -> Result<Completion, ModelError> {
        loop {
            let style = self.style();
            let body = request_body(&self.config, &self.name, request, &style);
            let asked_at = now();
            let refused = match self.send(&body).await? {
                Ok(answer) => match embedded_failure(&answer) {
                    None => return self.read(&answer, request, asked_at),
                    Some(failure) => failure,
                },
                Err(failure) => failure,
            };
            if !self.adapt(&style, &body, &refused) {
                return Err(with_hint(refused, &body));
            }
        }
    }

    fn read(&self, answer: &Value, request: &Request, asked_at: f64) -> Result<Completion, ModelError> {
        let mut completion = read_response(answer, request, self.price.as_ref())?;
        if let Some(served) = &mut completion.served {
            (served.asked_at, served.answered_at) = (asked_at, now());
        }
        // Some servers say that an answer calls tools where it was cut off in the middle of a call.
        let limit = self.config.max_output_tokens.is_some_and(|limit| completion.usage.completion_tokens >= limit);
        let last = completion.message.tool_calls.last();
        if limit && last.is_some_and(|call| serde_json::from_str::<Map<String, Value>>(&call.arguments).is_err()) {
            completion.finish_reason = FinishReason::Length;
        }
        if !self.told.load(Ordering::Relaxed)
            && let Some(told) = stray_calls::told(&completion, request)
            && !self.told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{told}");
        }
        Ok(completion)
    }

    /// Sends a request once. The inner error is the server's refusal.
    async fn send(&self, body: &Value) -> Result<Result<Value, Failure>, ModelError> {
        let chat = self.client.chat();
        if !self.config.stream {
            return match chat.create_byot(body.clone()).await {
                Ok(answer) => Ok(Ok(answer)),
                Err(err) => into_failure(err, Endpoint::Chat).map(Err),
            };
        }
        let mut chunks = match chat.create_stream_byot::<_, Value>(body.clone()).await {
            Ok(chunks) => chunks,
            Err(err) => return into_failure(err, Endpoint::Chat).map(Err),
        };
        let mut assembly = Assembly::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                // All was said, and only the end of the stream is missing.
                Err(_) if assembly.is_finished() => break,
                Err(err) => return into_failure(err, Endpoint::Chat).map(Err),
            };
            if let Some(failure) = embedded_failure(&chunk) {
                return Ok(Err(failure));
            }
            assembly.add(&chunk);
        }
        if assembly.is_finished() {
            return Ok(Ok(assembly.into_body()));
        }
        Err(transient("the model's server ended its stream half-way"))
    }

    /// Changes how requests are written after a refusal that this can mend, and says so; returns whether another request
    /// may do. `style` is how the refused one was written: another episode may have learned the same in the meantime.
    fn adapt(&self, style: &Style, body: &Value, refused: &Failure) -> bool {
        if !refused.is_refusal() {
            return false;
        }
        let (words, param) = refused.words();
        let mut current = self.style.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != *style {
            return true;
        }
        let changed = Refusal::new(body, &words, param.as_deref()).adapt(&mut current);
        if let Some(changed) = &changed {
            tracing::warn!("the model's server refused a request: {}; from now on {changed}", shorten(&words));
        }
        changed.is_some()
    }

    fn style(&self) -> Style {
        self.style.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the error of a refusal, with a hint where it names a field that was sent.
fn with_hint(refused: Failure, body: &Value) -> ModelError {
    let (words, param) = refused.words();
    let refusal = Refusal::new(body, &words, param.as_deref());
    let (hint, is_refusal) = (refusal.hint(), refused.is_vague() && refusal.is_of_something());
    match (refused.into_error(Endpoint::Chat), hint) {
        (ModelError::Permanent(message), Some(hint)) if !message.contains("\nhint: ") => {
            ModelError::Permanent(format!("{message}\nhint: {hint}"))
        }
        // A refusal without a status is one all the same.
        (ModelError::Transient { message, .. }, Some(hint)) if is_refusal => {
            ModelError::Permanent(format!("{message}\nhint: {hint}"))
        }
        (err, _) => err,
    }
}

/// Returns the seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
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
