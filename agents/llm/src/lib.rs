//! OpenAI-compatible models, tool calls in text, retry, record, replay, resume, script.
//!
//! [`connect`] turns a [`ModelConfig`] into a [`agent_core::Model`] that asks a server, in layers of which each is a
//! model itself. [`Record`], [`Replay`] and [`Script`] stand beside it or around it. [`Embeddings`] asks for
//! vectors by the same means. This is the only crate that reads a key, and it shows it to nobody; files are read by its
//! callers.

mod config;
mod connect;

mod call_limit;
mod embeddings;
mod http;
mod retry;
mod text_protocol;

mod parameter;
mod text_parse;
mod text_tools;
mod thoughts;

mod json_call;
mod json_pieces;
mod json_reader;
mod json_tools;

mod adaptation;
mod client;
mod detail;
mod endpoint;
mod extras;
mod failure;
mod kinds;
mod prices;
mod request_body;
mod response;
mod secret;
mod sse;
mod stray_calls;
mod stream;
mod stream_call;
mod surrogates;

mod record;
mod replay;
mod script;

mod answers;
mod place;

pub use config::{
    EmbeddingsConfig, ModelConfig, OnDivergence, Provider, RetryConfig, SendReasoning, SeveralCalls, SystemRole,
    ToolCalls,
};
pub use connect::{ConnectError, connect, connect_in};
pub use embeddings::Embeddings;
pub use json_call::{UnreadableJson, parse_json_call};
pub use json_reader::Problem;
pub use json_tools::{render_json_call, to_json_text};
pub use prices::Prices;
pub use record::Record;
pub use replay::Replay;
pub use script::Script;
pub use secret::secrets;
pub use text_parse::{TextCalls, Unreadable, parse_calls};
pub use text_tools::{render_call, split_calls, to_released_form, to_text};
