//! One contract for both providers, and what is special about each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::print_stdout)]

mod bombs;
mod commands;
mod disk;
mod docker;
mod ends;
mod files;
mod images;
mod local;
mod place;
mod pull;
mod registry;
mod sabotage;
mod shells;
mod tls;
