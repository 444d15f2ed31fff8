//! Runs a task's own verifier.

mod places;
mod reward;
mod verify;

pub(crate) use places::Tests;
pub(crate) use verify::{Judging, ready, verify};
