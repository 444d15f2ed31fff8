//! The commands: the whole of an agent's `main.rs` is one call of [`main`] with
//! what the program knows: [`standard`] and its agents.
//!
//! Standard output carries data only; messages for people go to standard error. What the commands do is the
//! business of the crates below: here are arguments, messages and exit codes.

mod program;
mod standard;

mod arguments;
mod commands;
mod datasets;
mod failed;
mod settings;

mod console;
mod interrupt;
mod listener;
mod log;
mod otel;
mod output;
mod progress;
mod result;
mod steps;
mod stream;

pub use program::main;
pub use runner::Plugs;
pub use standard::standard;
