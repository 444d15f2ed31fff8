//! Tests of task folders, written and read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod clients;
mod folders;
mod grader;
mod round_trip;
mod separate;
