//! The contract of all providers in temporary folders, and what is special about these.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod bombs;
mod folders;
mod provider;
#[path = "../../../shell/tests/suite/mod.rs"]
mod suite;
