//! The formats, one a file. Each takes out of an object what it knows, and keeps the rest.

pub(super) mod candidate;
pub(super) mod labelled;
pub(super) mod mini;
pub(super) mod swe_agent;
