//! The tools, their settings, and the files that they change.

pub(crate) mod apply_patch;
pub(crate) mod config;
pub(crate) mod editor;
pub(crate) mod history;
pub(crate) mod listing;
pub(crate) mod path;
pub(crate) mod staging;
