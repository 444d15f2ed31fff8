//! Brings an episode that was killed back to where it was.

pub(crate) mod fingerprint;
pub(crate) mod noise;
pub(crate) mod place;
pub(crate) mod restore;
