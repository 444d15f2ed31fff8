//! Asks an OpenAI-compatible server, once.

use std::fmt;

use agent_core::{Completion, Model, ModelError, Request};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::Value;

use crate::client::{Server, Transport, client, into_error, transient};
use crate::endpoint::Endpoint;
use crate::prices::Price;
use crate::request_body::request_body;
use crate::response::{embedded_failure, read_response};
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
        Ok(Self { client, config: config.clone(), name: name.to_owned(), ours, price })
    }

    async fn ask(&self, request: &Request) -> Result<Completion, ModelError> {
        let body = request_body(&self.config, &self.name, request, self.ours);
        let answer = if self.config.stream {
            self.streamed(body).await?
        } else {
            self.client.chat().create_byot(body).await.map_err(|err| into_error(err, Endpoint::Chat))?
        };
        read_response(&answer, request, self.price.as_ref())
    }

    async fn streamed(&self, body: Value) -> Result<Value, ModelError> {
        let mut chunks = self
            .client
            .chat()
            .create_stream_byot::<_, Value>(body)
            .await
            .map_err(|err| into_error(err, Endpoint::Chat))?;
        let mut assembly = Assembly::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|err| into_error(err, Endpoint::Chat))?;
            if let Some(failure) = embedded_failure(&chunk) {
                return Err(failure.into_error(Endpoint::Chat));
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
