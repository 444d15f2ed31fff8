//! Asks an OpenAI-compatible server, once.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{Completion, Model, ModelError, Request};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::Value;

use crate::adaptation::{adapt, named_field};
use crate::client::{Server, Transport, client, into_failure, transient};
use crate::endpoint::Endpoint;
use crate::failure::{Failure, shorten};
use crate::prices::Price;
use crate::request_body::{Style, request_body};
use crate::response::{embedded_failure, read_response};
use crate::stream::Assembly;
use crate::{ConnectError, ModelConfig};

/// An OpenAI-compatible server. Every call is one request: trying again is the affair of [`crate::retry::Retry`].
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
            let body = request_body(&self.config, &self.name, request, &self.style());
            let asked_at = now();
            let refused = match self.send(&body).await? {
                Ok(answer) => match embedded_failure(&answer) {
                    None => {
                        let mut completion = read_response(&answer, request, self.price.as_ref())?;
                        if let Some(served) = &mut completion.served {
                            (served.asked_at, served.answered_at) = (asked_at, now());
                        }
                        self.tell_of_calls_in_text(&completion, request);
                        return Ok(completion);
                    }
                    Some(failure) => failure,
                },
                Err(failure) => failure,
            };
            if !self.adapt(&body, &refused) {
                return Err(self.with_hint(refused, &body));
            }
        }
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

    /// Changes how requests are written after a refusal that this can mend, and says so; returns whether it did.
    fn adapt(&self, body: &Value, refused: &Failure) -> bool {
        if !refused.is_refusal() {
            return false;
        }
        let (words, param) = refused.words();
        let changed =
            adapt(&mut self.style.lock().unwrap_or_else(PoisonError::into_inner), body, &words, param.as_deref());
        if let Some(changed) = &changed {
            tracing::warn!("the model's server refused a request: {}; from now on {changed}", shorten(&words));
        }
        changed.is_some()
    }

    /// Returns the error of a refusal, with a hint where it names a field that was sent.
    fn with_hint(&self, refused: Failure, body: &Value) -> ModelError {
        let named = named_field(body, &refused.words().0).map(str::to_owned);
        match (refused.into_error(Endpoint::Chat), named) {
            (ModelError::Permanent(message), Some(field)) if !message.contains("\nhint: ") => {
                ModelError::Permanent(format!("{message}\nhint: `model.leave_out=[{field}]` sends no `{field}`"))
            }
            (err, _) => err,
        }
    }

    fn style(&self) -> Style {
        self.style.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says once that a model writes its calls into the text, where nothing reads them.
    fn tell_of_calls_in_text(&self, completion: &Completion, request: &Request) {
        if request.tools.is_empty() || !completion.message.tool_calls.is_empty() {
            return;
        }
        let text = completion.message.content.as_str();
        let names = |start: &str| request.tools.iter().any(|tool| text.contains(&format!("{start}{}", tool.name)));
        let setting = if text.contains("<function=") || names("<invoke name=\"") {
            "text"
        } else if names("\"name\": \"") || names("\"name\":\"") || names("\"tool\": \"") || text.contains("<tool_call>")
        {
            "json"
        } else {
            return;
        };
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the model wrote a tool call into its text, where no server has read it and none is run\n\
                 hint: let the server parse the calls (vLLM: `--enable-auto-tool-choice --tool-call-parser …`), or set \
                 `model.tool_calls={setting}`"
            );
        }
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
