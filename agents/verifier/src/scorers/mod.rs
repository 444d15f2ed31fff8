//! Scorers that need no model.

mod bounds;
mod majority;

pub use bounds::{First, Oracle, Random};
pub use majority::Majority;
