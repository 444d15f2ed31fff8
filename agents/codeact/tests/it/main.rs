//! The command line as a user meets it: real processes, the demo instances, a real HTTP server.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

mod cli;
mod damage;
mod demo_instances;
mod denominator;
mod engines;
mod evaluate;
mod image_budget;
mod images;
mod killed;
mod live;
mod pipes;
mod program;
mod replay;
mod report;
mod resumed;
mod saved_logs;
mod search;
mod sweep;
mod work;
