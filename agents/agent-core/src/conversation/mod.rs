//! What of an episode's conversation the model is shown.

pub(crate) mod clip;
pub(crate) mod context;
pub(crate) mod segments;
