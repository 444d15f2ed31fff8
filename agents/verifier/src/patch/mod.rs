//! What a patch changes, and when two patches say the same.

mod normal;
mod shape;

pub(crate) use normal::normalized;
pub(crate) use shape::{FileChange, Hunk, Kind, shape};
