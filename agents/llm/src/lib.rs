//! OpenAI-compatible models, tool calls in text, retry, record, replay, resume, script.
//!
//! [`connect`] turns a [`ModelConfig`] into a [`agent_core::Model`] that asks a server, in layers of which each is a
//! model itself. [`Gateways`] does so for many episodes, cells and processes under one set of limits and one budget. [`Record`], [`Replay`] and [`Script`] stand beside it or around it. [`Embeddings`] asks for
//! vectors by the same means. This is the only crate that reads a key, and it shows it to nobody; files are read by its
//! callers, but for those in which processes share their limits.

mod calls;
mod gateway;
mod layers;
mod limits;
mod recorded;
mod server;
mod stream;

mod config;
mod error;

mod body;
mod connect;
mod embeddings;
mod forward;

pub use calls::json_call::{UnreadableJson, parse_json_call};
pub use calls::json_reader::Problem;
pub use calls::json_tools::{render_json_call, to_json_text};
pub use calls::text_parse::{TextCalls, Unreadable, parse_calls};
pub use calls::text_tools::{render_call, split_calls, to_released_form, to_text};
pub use config::{
    EmbeddingsConfig, EndpointConfig, ModelConfig, OnDivergence, Provider, RateConfig, RetryConfig, SendReasoning,
    SeveralCalls, SystemRole, ToolCalls,
};
pub use connect::{connect, connect_in};
pub use embeddings::Embeddings;
pub use error::ConnectError;
pub use forward::{Forward, Forwarded};
pub use gateway::gateways::{Gateway, Gateways, Totals};
pub use limits::budget::{Budget, BudgetLimits, Spent};
pub use recorded::record::Record;
pub use recorded::replay::Replay;
pub use recorded::script::Script;
pub use server::client::install_cryptography;
pub use server::prices::Prices;
pub use server::response::read_answer;
pub use server::secret::secrets;
