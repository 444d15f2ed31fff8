//! Unified diffs: read, placed and applied. Pure functions.

pub(crate) mod file_patch;
pub(crate) mod hunks;
pub(crate) mod parse;
pub(crate) mod place;
pub(crate) mod quoted;
