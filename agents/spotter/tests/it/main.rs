//! The program as a user meets it: its examples, agents with a model that knows the solution, real instances.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells what it took")]

mod cases;
mod examples;
mod export;
mod exports;
mod improve;
mod killing;
mod kubernetes;
mod moatless;
mod oracle;
mod program;
mod registry;
mod seeing;
mod trials;
mod verifying;
mod wording;
