//! What a run folder says, by the API that others read it with.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cells;
mod predictions;
mod recorder;
mod runs;
mod verdicts;
