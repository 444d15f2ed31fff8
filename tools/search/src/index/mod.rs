//! The index of a checkout: packs of parts, their cache, and the view of one tree.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod code_index;
pub(crate) mod entry;
pub(crate) mod manifest;
pub(crate) mod pack;
pub(crate) mod schema;
pub(crate) mod tokens;
pub(crate) mod tree;
pub(crate) mod vectors;
pub(crate) mod view;
