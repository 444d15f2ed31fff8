//! Embeddings from an OpenAI-compatible server.

use std::fmt;
use std::sync::Arc;

use agent_core::ModelError;
use async_trait::async_trait;
use serde_json::{Value, json};
use tool_core::{Embed, EmbedError};

use crate::layers::retry::{Waited, again};
use crate::server::client::{Transport, Wire, into_error, transient, wire};
use crate::server::endpoint::{Endpoint, server};
use crate::server::response::embedded_failure;
use crate::{ConnectError, EmbeddingsConfig};

/// The embeddings of an OpenAI-compatible server, in batches and with retries.
pub struct Embeddings {
    wire: Wire,
    config: EmbeddingsConfig,
    name: String,
}

impl Embeddings {
    /// Returns the embeddings that the settings name; `None` where they name none.
    ///
    /// Reads the key, and the server's address where the settings have none, from the environment.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(config: &EmbeddingsConfig) -> Result<Option<Self>, ConnectError> {
        Self::connect_in(config, |name| std::env::var(name).ok())
    }

    /// Does what [`Embeddings::connect`] does, in the environment that `variable` looks up.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect_in(
        config: &EmbeddingsConfig,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ConnectError> {
        let Some(name) = config.name.as_deref().filter(|name| !name.is_empty()) else { return Ok(None) };
        for (setting, value) in [("batch", config.batch), ("max_characters", config.max_characters)] {
            if value == 0 {
                return Err(ConnectError::Zero(setting));
            }
        }
        let endpoint = Endpoint::Embeddings;
        let server = server(config.base_url.as_deref(), &config.api_key_env, endpoint, variable)?;
        let (timeout, connect_timeout) = (config.timeout, config.connect_timeout);
        let wire = wire(server, &Transport { endpoint, timeout, connect_timeout, streams: false })?;
        Ok(Some(Self { wire, config: config.clone(), name: name.to_owned() }))
    }

    /// Asks for the vectors of one batch, once.
    async fn ask(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut body = json!({ "model": self.name, "input": texts, "encoding_format": "float" });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.config.extra.clone());
        }
        let answer = self.wire.client(Arc::default()).embeddings().create_byot::<_, Value>(body).await;
        read_vectors(&answer.map_err(|err| into_error(err, Endpoint::Embeddings))?, texts.len())
    }
}

#[async_trait]
impl Embed for Embeddings {
    fn name(&self) -> &str {
        &self.name
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let texts: Vec<&str> = texts.iter().map(|text| cut(text, self.config.max_characters)).collect();
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(self.config.batch) {
            let answer = again(&self.config.retry, &Waited::default(), || self.ask(batch)).await;
            vectors.extend(answer.map_err(|err| EmbedError(err.to_string()))?);
        }
        let length = vectors.first().map_or(0, Vec::len);
        match vectors.iter().map(Vec::len).find(|other| *other != length) {
            Some(other) => Err(EmbedError(wrong(&format!("vectors of {length} and of {other} numbers")))),
            None => Ok(vectors),
        }
    }
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embeddings").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns the start of a text.
fn cut(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Reads `count` vectors in the order of their `index`; where a server sends none, the vectors stand in order.
fn read_vectors(body: &Value, count: usize) -> Result<Vec<Vec<f32>>, ModelError> {
    if let Some(failure) = embedded_failure(body) {
        return Err(failure.into_error(Endpoint::Embeddings));
    }
    let Some(data) = body.get("data").and_then(Value::as_array) else {
        return Err(transient("the embeddings' server sent an answer without `data`"));
    };
    let refuse = |what: &str| Err(ModelError::Permanent(wrong(what)));
    if data.len() != count {
        return refuse(&format!("{} vectors for {count} texts", data.len()));
    }
    let mut vectors = vec![Vec::new(); count];
    for (at, row) in data.iter().enumerate() {
        let index = row.get("index").map_or(Some(at), |index| usize::try_from(index.as_u64()?).ok());
        let Some(place) = index.and_then(|index| vectors.get_mut(index)).filter(|place| place.is_empty()) else {
            return refuse("an `index` that is invalid or occurs twice");
        };
        match row.get("embedding").and_then(vector).filter(|vector| !vector.is_empty()) {
            Some(vector) => *place = vector,
            None => return refuse("a vector that is not a list of numbers"),
        }
    }
    Ok(vectors)
}

fn vector(numbers: &Value) -> Option<Vec<f32>> {
    let number = |number: &Value| Some(number.as_f64()? as f32).filter(|number| number.is_finite());
    numbers.as_array()?.iter().map(number).collect()
}

fn wrong(what: &str) -> String {
    format!("the embeddings' server sent {what}")
}
