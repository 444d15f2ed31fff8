//! Restores an episode that was killed.

pub(crate) mod fingerprint;
pub(crate) mod noise;
pub(crate) mod place;
pub(crate) mod restore;
