//! The contract of all providers in containers, and what is special about these.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::print_stdout)]

mod bombs;
mod containers;
mod images;
mod provider;
mod pull;
mod registry;
mod sabotage;
#[path = "../../../shell/tests/suite/mod.rs"]
mod suite;
mod tls;
