//! Which part of an episode's conversation is sent to the model.

pub(crate) mod clip;
pub(crate) mod context;
pub(crate) mod segments;
