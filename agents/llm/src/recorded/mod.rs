//! Answers that are written down, and models that give them again.

pub(crate) mod answers;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod script;
