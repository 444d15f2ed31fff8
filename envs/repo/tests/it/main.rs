//! Tests against a real bash and a real git.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod bash_sandbox;
mod capture;
mod history;
mod round_trip;
