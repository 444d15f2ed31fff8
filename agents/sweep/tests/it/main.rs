//! Reports and the state of runs, on journals that the tests write.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod report;
mod status;
mod written_run;
