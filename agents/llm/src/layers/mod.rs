//! Models around another model.

pub(crate) mod call_limit;
pub(crate) mod retry;
pub(crate) mod text_protocol;
