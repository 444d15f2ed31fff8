//! Tests of env-core against a real bash and a real git, and of the parsers against real logs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod bash_sandbox;
mod benchmark;
mod capture;
mod grading;
mod history;
mod parsers;
mod reading;
mod recipes;
mod round_trip;
mod scripts;
