//! Tests of the parsers and the verdicts on whole logs, and of evaluation scripts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod grading;
mod near_misses;
mod own_tests;
mod parsers;
mod reading;
mod scripts;
