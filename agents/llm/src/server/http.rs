//! Asks an OpenAI-compatible server, once.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use agent_core::{Completion, FinishReason, ModelError, Request};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::layers::retry::Waited;
use crate::limits::budget::Budget;
use crate::limits::estimate::{Size, Tokens};
use crate::limits::exchange::{End, Exchange};
use crate::limits::lane::{Lane, NoPlace};
use crate::limits::ticket::Ticket;
use crate::server::adaptation::Refusal;
use crate::server::client::{Transport, Wire, into_failure, transient, wire};
use crate::server::endpoint::{Endpoint, Server};
use crate::server::failure::{Failure, shorten};
use crate::server::prices::Price;
use crate::server::request_body::{Style, request_body};
use crate::server::response::{embedded_failure, read_response};
use crate::server::{stray_calls, token_ids};
use crate::stream::assembly::Assembly;
use crate::{ConnectError, ModelConfig};

/// An OpenAI-compatible server. Every call is one request: trying again is the affair of [`crate::layers::retry`].
pub(crate) struct Http {
    wire: Wire,
    limited: Limited,
    config: ModelConfig,
    name: String,
    /// How requests are written; a refusal may change it.
    style: Mutex<Style>,
    /// Whether calls in the text were spoken of, and tokens that do not fit.
    told: [AtomicBool; 2],
    price: Option<Price>,
}

/// What a server's requests are limited by.
pub(crate) struct Limited {
    pub(crate) lane: Arc<Lane>,
    pub(crate) budget: Budget,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ModelError,
    /// Whether another endpoint may do better.
    pub(crate) is_of_endpoint: bool,
}

impl From<ModelError> for Failed {
    fn from(error: ModelError) -> Self {
        Self { error, is_of_endpoint: false }
    }
}

impl Http {
    pub(crate) fn new(
        config: &ModelConfig,
        name: &str,
        server: Server,
        price: Option<Price>,
        limited: Limited,
    ) -> Result<Self, ConnectError> {
        let ours = server.is_openai;
        let (timeout, connect_timeout) = (config.timeout, config.connect_timeout);
        let transport = Transport { endpoint: Endpoint::Chat, timeout, connect_timeout, streams: config.stream };
        let wire = wire(server, &transport)?;
        let style = Mutex::new(Style::new(config, ours));
        let (config, name, told) = (config.clone(), name.to_owned(), Default::default());
        Ok(Self { wire, limited, config, name, style, told, price })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.limited.lane
    }

    /// Asks until there is an answer or an error that another form of the request does not fix.
    pub(crate) async fn ask(&self, request: &Request, waited: &Waited) -> Result<Completion, Failed> {
        loop {
            let style = self.style();
            let body = Body::new(&self.config, &self.name, request, &style);
            let ticket = self.enter(&body, waited).await?;
            let asked_at = now();
            let refused = match self.send(&body, &ticket.exchange).await {
                Ok(Ok(answer)) => match embedded_failure(&answer) {
                    None => return self.answered(&answer, request, asked_at, ticket),
                    Some(failure) => failure,
                },
                Ok(Err(failure)) => failure,
                Err(error) => {
                    let end = ticket.exchange.ended(None);
                    ticket.failed(end);
                    return Err(Failed { error, is_of_endpoint: end.is_of_endpoint() });
                }
            };
            let end = ticket.exchange.ended(refused.says());
            let is_unavailable = ticket.exchange.is_unavailable() || refused.is_long();
            ticket.failed(end);
            let made = Value::Object(request_body(&self.config, &self.name, request, &style));
            if !self.adapt(&style, &made, &refused) {
                let is_of_endpoint = end.is_of_endpoint() || (end == End::Busy && is_unavailable);
                return Err(Failed { error: with_hint(refused, &made), is_of_endpoint });
            }
        }
    }

    /// Waits until a request may be sent, and reserves what it may take.
    async fn enter(&self, body: &Body<'_>, waited: &Waited) -> Result<Ticket, Failed> {
        let Limited { lane, budget } = &self.limited;
        let started = Instant::now();
        let size = (lane.is_limited() || budget.is_limited()).then(|| Size::of(body, |field| body.get(field)));
        let size = size.map(|size| (size, lane.estimate(size)));
        let tokens = size.map_or(0.0, |(_, tokens)| tokens.total());
        let most = |tokens: Tokens| self.price.as_ref().map_or(0.0, |price| price.cost(&tokens.usage()));
        let budget = budget.take(size.map_or(0.0, |(_, tokens)| most(tokens)), tokens).await?;
        let patience = Duration::try_from_secs_f64(self.config.retry.max_elapsed).unwrap_or(Duration::MAX);
        let place = lane.enter(tokens, patience).await.map_err(|none| match none {
            NoPlace::Paused(pause) => {
                let message = format!("the model's server asks to wait for {:.0} s", pause.as_secs_f64());
                let error = ModelError::Transient { message, retry_after: Some(pause) };
                Failed { error, is_of_endpoint: true }
            }
            NoPlace::Broken(err) => transient(&format!("the limits that processes share: {err}")).into(),
        })?;
        waited.add(started.elapsed());
        Ok(Ticket::new(lane.clone(), place, size, budget))
    }

    fn answered(&self, answer: &Value, request: &Request, asked_at: f64, ticket: Ticket) -> Result<Completion, Failed> {
        match self.read(answer, request, asked_at) {
            Ok(completion) => {
                // What has no price does not count in money.
                let cost = if self.price.is_none() { completion.cost.or(Some(0.0)) } else { completion.cost };
                ticket.answered(&completion.usage, cost);
                Ok(completion)
            }
            Err(error) => {
                ticket.failed(End::Lost);
                Err(Failed { error, is_of_endpoint: true })
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
        let [of_calls, of_tokens] = &self.told;
        if !of_calls.load(Ordering::Relaxed)
            && let Some(told) = stray_calls::told(&completion, request)
            && !of_calls.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{told}");
        }
        if let Some(told) = token_ids::checked(&mut completion, &self.config)
            && !of_tokens.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{told}");
        }
        Ok(completion)
    }

    /// Sends a request once. The inner error is the server's refusal.
    async fn send(&self, body: &Body<'_>, exchange: &Arc<Exchange>) -> Result<Result<Value, Failure>, ModelError> {
        let client = self.wire.client(exchange.clone());
        let chat = client.chat();
        if !self.config.stream {
            return match chat.create_byot(body).await {
                Ok(answer) => Ok(Ok(answer)),
                Err(err) => into_failure(err, Endpoint::Chat).map(Err),
            };
        }
        let mut chunks = match chat.create_stream_byot::<_, Value>(body).await {
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
        Err(transient("the model's server ended its stream before it was complete"))
    }

    /// Changes how requests are written after a refusal that this can fix, and says so; returns whether another request
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

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("name", &self.name).finish_non_exhaustive()
    }
}
