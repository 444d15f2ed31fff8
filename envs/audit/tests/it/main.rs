//! Audits of trees that are made here, without an engine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scan;
mod tree;
