//! Runs a task's own verifier.

mod artifacts;
mod health;
mod places;
mod reward;
mod verify;

pub(crate) use health::wait_healthy;
pub(crate) use places::Tests;
pub(crate) use verify::{Judging, ready, verify};
