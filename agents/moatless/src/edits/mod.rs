//! Checks of edits: whether an edit is usable, and which errors it introduces.

pub(crate) mod diff;
pub(crate) mod doubled;
pub(crate) mod lint;
pub(crate) mod placeholder;
pub(crate) mod replace;
