//! What a patch changes, and when two patches say the same.

mod normal;
mod shape;

pub use normal::normalized;
pub use shape::{FileChange, Hunk, Kind, shape};
