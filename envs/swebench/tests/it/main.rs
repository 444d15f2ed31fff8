//! The specs, and our scripts against those of real rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod data;
mod scripts;
mod specs;
