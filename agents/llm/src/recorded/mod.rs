//! Recorded answers, and models that replay them.

pub(crate) mod answers;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod script;
