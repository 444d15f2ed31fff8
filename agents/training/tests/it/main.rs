//! Data sets of runs that the tests write.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sft;
mod written;
