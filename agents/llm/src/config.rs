//! The settings of a model and of embeddings.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The settings of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Where answers come from: `openai`, `replay` or `script`. Default `openai`.
    pub provider: Provider,
    /// The model's id at the server, such as `gpt-4o-2024-08-06`; `null` means that no model is configured.
    pub name: Option<String>,
    /// Address of an OpenAI-compatible server, including its `/v1`; `null` uses the variable `OPENAI_BASE_URL`, else
    /// OpenAI's own address.
    pub base_url: Option<String>,
    /// Name of the environment variable that holds the key, never the key itself; it may be unset where `base_url` is
    /// given. Default `OPENAI_API_KEY`.
    #[serde(deserialize_with = "variable_name")]
    pub api_key_env: String,
    /// Several servers of the same model, in place of `base_url`. An instance's episodes stay with one of them, whose
    /// prefix cache holds the start of their conversations; while it is down, the next one is used. Default none.
    pub endpoints: Vec<EndpointConfig>,
    /// Rate limits for a server, shared by this process and all that use the same run folder and key; used for each of
    /// `endpoints` that has no `rate` of its own.
    pub rate: RateConfig,
    /// Sampling temperature; `null` leaves it to the server, which some reasoning models insist on. Default 0.
    pub temperature: Option<f64>,
    /// Share of the probability mass to sample from, 0 to 1; `null` leaves it to the server. Default `null`.
    pub top_p: Option<f64>,
    /// Most tokens of one answer; `null` leaves it to the server. Default `null`.
    pub max_output_tokens: Option<u64>,
    /// Seed of the sampling, where the server has one. Default `null`.
    pub seed: Option<i64>,
    /// Texts that end an answer. Default none.
    pub stop: Vec<String>,
    /// Fields that are merged into the request's body as they are, for everything that has no setting of its own.
    /// Default empty.
    pub extra: Map<String, Value>,
    /// How tool calls are transmitted: `native`, or for models without native calls `text`, as `<function=…>`, or
    /// `json`, as one JSON object per message. Default `native`.
    pub tool_calls: ToolCalls,
    /// What to do with an answer that has several calls: keep `all`, keep the `first`, or `refuse` it and ask the model
    /// again. Default `all`.
    pub several_calls: SeveralCalls,
    /// Whether the model's reasoning is sent back with the answer that it led to: `auto` sends each field of reasoning
    /// that the server sent (such as `reasoning_content` or `reasoning_details`) until it refuses one, `never` none.
    /// Further fields of a call, such as a signature, are always sent back. Default `auto`.
    pub send_reasoning: SendReasoning,
    /// The role of the system message: `system`, `developer`, or `user`, which prepends it to the first user message,
    /// for servers without such a role. Default `system`.
    pub system_role: SystemRole,
    /// Whether consecutive messages of one role are merged, for servers that require alternating roles.
    /// Default false.
    pub merge_roles: bool,
    /// Name of the field for the output limit, `max_tokens` or `max_completion_tokens`; `null` uses the newer one for
    /// OpenAI's own server. Default `null`.
    pub limit_name: Option<String>,
    /// Fields of the request that are never sent, for servers that refuse them, such as `[temperature, stop]`. Default
    /// none.
    pub leave_out: Vec<String>,
    /// Whether answers are streamed, for servers or proxies that close silent connections. Default false.
    pub stream: bool,
    /// Whether the server is asked for the token ids of prompts and answers, which training needs (`return_token_ids`
    /// of vLLM and SGLang). They are kept in the trajectory and never sent back. Default false.
    pub token_ids: bool,
    /// Whether the server is asked for the log probability of each token of an answer. Default false.
    pub logprobs: bool,
    /// Seconds that one request may take, including the whole answer. Default 600.
    pub timeout: f64,
    /// Seconds that establishing a connection may take. Default 10.
    pub connect_timeout: f64,
    /// When a request is retried.
    pub retry: RetryConfig,
    /// File of prices that take precedence over the embedded ones, in the form of `agents/llm/src/server/prices.yaml`.
    /// Default `null`.
    pub prices: Option<PathBuf>,
    /// The recording or `trajectory.jsonl` of `replay`, the turns of `script`. Default `null`.
    pub path: Option<PathBuf>,
    /// What `replay` does with a request that was not recorded: `fail`, or `ignore` the difference and answer in order.
    /// Default `fail`.
    pub on_divergence: OnDivergence,
    /// File to which every request is appended with its answer, for any provider. Default `null`.
    pub record: Option<PathBuf>,
}

/// One of several servers of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointConfig {
    /// Its address, including its `/v1`.
    pub base_url: Option<String>,
    /// Its share of the instances, relative to the weights of the others; 0 makes it a spare, used only when no other
    /// can be. Default 1.
    pub weight: f64,
    /// Name of the environment variable that holds its key; `null` uses that of the model. Default `null`.
    #[serde(deserialize_with = "optional_variable_name")]
    pub api_key_env: Option<String>,
    /// Its rate limits; `null` uses the model's. Default `null`.
    pub rate: Option<RateConfig>,
}

/// The rate limits of a server. The names are LiteLLM's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Requests per minute, in any minute of the server's clock; `null` is no limit. Default `null`.
    pub rpm: Option<u64>,
    /// Tokens per minute, read and written. The tokens of a request are estimated from its size and `max_output_tokens`
    /// before it is sent; `null` is no limit. Default `null`.
    pub tpm: Option<u64>,
    /// Most requests in flight. Below this, or if it is `null`, the number is halved when the server is overloaded, and
    /// grows by one for each round of answers. Default `null`, no limit.
    pub max_parallel_requests: Option<usize>,
}

/// The retries for a server that is not essential.
const SHORT: RetryConfig = RetryConfig { max_elapsed: 30.0, base: 1.0, cap: 10.0 };

/// Where answers come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// A server that speaks the chat completions interface.
    #[default]
    Openai,
    /// Answers recorded before.
    Replay,
    /// Answers written by hand.
    Script,
}

/// How tool calls are transmitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolCalls {
    /// In the interface's own fields.
    #[default]
    Native,
    /// In the text, as `<function=…>`.
    Text,
    /// In the text, as one JSON object a message, with long texts between tags.
    Json,
}

/// Whether a model's reasoning goes back to its server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendReasoning {
    /// In the fields in which it came, until the server refuses them.
    #[default]
    Auto,
    /// Never.
    Never,
}

/// The role of the system message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// `system`.
    #[default]
    System,
    /// `developer`, as newer models of OpenAI have it.
    Developer,
    /// None: it is prepended to the first user message.
    User,
}

/// What becomes of an answer with several tool calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeveralCalls {
    /// All are kept, in order.
    #[default]
    All,
    /// The first is kept.
    First,
    /// None is kept, and the model is asked again.
    Refuse,
}

/// What a replay does with a request that was not recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDivergence {
    /// Fails and says where.
    #[default]
    Fail,
    /// Gives the next answer anyway.
    Ignore,
}

/// When a request is retried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Seconds after the first attempt after which no further one is made; 0 means a single attempt. Default 1800; for
    /// embeddings 30.
    pub max_elapsed: f64,
    /// Upper bound of the first wait in seconds; it doubles with every attempt, and the wait is drawn at random below
    /// it. Default 1.
    pub base: f64,
    /// Largest upper bound of a wait in seconds; a server's `Retry-After` may exceed it. Default 60; for embeddings 10.
    pub cap: f64,
}

/// The settings of an embedding model, with whose vectors code search re-ranks its results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingsConfig {
    /// The model's id at the server, such as `text-embedding-3-small`; `null` means that there are no embeddings.
    /// Default `null`.
    pub name: Option<String>,
    /// Address of an OpenAI-compatible server, including its `/v1`; `null` uses the variable `OPENAI_BASE_URL`, else
    /// OpenAI's own address. Default `null`.
    pub base_url: Option<String>,
    /// Name of the environment variable that holds the key, never the key itself; it may be unset where `base_url` is
    /// given. Default `OPENAI_API_KEY`.
    #[serde(deserialize_with = "variable_name")]
    pub api_key_env: String,
    /// Most texts per request. Default 64.
    pub batch: usize,
    /// Characters of a text that are sent; the rest is cut off. Many models accept no more than 512 tokens, about 1500
    /// characters of code. Default 8000.
    pub max_characters: usize,
    /// Fields that are merged into the request's body as they are, such as `dimensions`. Default empty.
    pub extra: Map<String, Value>,
    /// Seconds that one request may take, including the whole answer. Default 60.
    pub timeout: f64,
    /// Seconds that establishing a connection may take. Default 10.
    pub connect_timeout: f64,
    /// When a request is retried. A search waits for it and works without it, so the defaults are shorter than those of
    /// a model: `max_elapsed` 30, `base` 1, `cap` 10.
    #[serde(deserialize_with = "short_retry")]
    pub retry: RetryConfig,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            provider: Provider::default(),
            name: None,
            base_url: None,
            api_key_env: "OPENAI_API_KEY".to_owned(),
            endpoints: Vec::new(),
            rate: RateConfig::default(),
            temperature: Some(0.0),
            top_p: None,
            max_output_tokens: None,
            seed: None,
            stop: Vec::new(),
            extra: Map::new(),
            tool_calls: ToolCalls::default(),
            several_calls: SeveralCalls::default(),
            send_reasoning: SendReasoning::default(),
            system_role: SystemRole::default(),
            merge_roles: false,
            limit_name: None,
            leave_out: Vec::new(),
            stream: false,
            token_ids: false,
            logprobs: false,
            timeout: 600.0,
            connect_timeout: 10.0,
            retry: RetryConfig::default(),
            prices: None,
            path: None,
            on_divergence: OnDivergence::default(),
            record: None,
        }
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self { base_url: None, weight: 1.0, api_key_env: None, rate: None }
    }
}

impl Default for EmbeddingsConfig {
    fn default() -> Self {
        Self {
            name: None,
            base_url: None,
            api_key_env: "OPENAI_API_KEY".to_owned(),
            batch: 64,
            max_characters: 8000,
            extra: Map::new(),
            timeout: 60.0,
            connect_timeout: 10.0,
            retry: SHORT,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { max_elapsed: 1800.0, base: 1.0, cap: 60.0 }
    }
}

/// Reads the name of an environment variable, and refuses what looks like a key without repeating it.
fn variable_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let shaped = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if name.is_empty() || name.len() > 64 || !shaped || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(D::Error::custom("`api_key_env` must be the name of an environment variable, not a key"));
    }
    Ok(name)
}

/// Reads the name of an environment variable, or none.
fn optional_variable_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Name(#[serde(deserialize_with = "variable_name")] String);
    Ok(Option::<Name>::deserialize(deserializer)?.map(|Name(name)| name))
}

/// Reads when to try again, with the shorter defaults for what is left out.
fn short_retry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RetryConfig, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Given {
        max_elapsed: Option<f64>,
        base: Option<f64>,
        cap: Option<f64>,
    }
    let Given { max_elapsed, base, cap } = Given::deserialize(deserializer)?;
    Ok(RetryConfig {
        max_elapsed: max_elapsed.unwrap_or(SHORT.max_elapsed),
        base: base.unwrap_or(SHORT.base),
        cap: cap.unwrap_or(SHORT.cap),
    })
}
