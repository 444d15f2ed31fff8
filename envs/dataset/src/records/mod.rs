//! The objects of a file, whatever their columns are.

pub(crate) mod each;
pub(crate) mod record;
