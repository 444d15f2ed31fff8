//! Models against real servers on this machine, and the pure functions against nasty texts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod config;
mod embeddings;
mod failures;
mod gateway;
mod http;
mod json_protocol;
mod json_read;
mod json_write;
mod keys;
mod money;
mod oddities;
mod real;
mod replay;
mod retry;
mod script;
mod server;
mod stream;
mod text;
mod text_protocol;
