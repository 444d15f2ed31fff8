//! The formats, one a file. Each takes out of an object what it knows, and keeps the rest.

pub(crate) mod atif;
pub(super) mod candidate;
mod completions;
pub(super) mod labelled;
pub(super) mod mini;
pub(super) mod moatless;
pub(super) mod nemo;
pub(super) mod openhands;
pub(super) mod swe_agent;
pub(super) mod swe_gym;
