//! Edits of one text, and messages for edits that do not fit. Pure functions.

pub(crate) mod change;
pub(crate) mod closest;
pub(crate) mod diff;
pub(crate) mod miss;
pub(crate) mod syntax;
pub(crate) mod text;
pub(crate) mod view;
