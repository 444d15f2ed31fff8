//! The scenarios of the two tools, and what must hold for every edit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod properties;
mod scenario;
mod schema;
mod temp_sandbox;
