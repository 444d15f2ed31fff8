//! Scorers that need no model.

mod bounds;
mod hybrid;
mod majority;
mod rank;
mod stored;
mod tests;

pub use bounds::{First, Oracle, Random};
pub use hybrid::{FoldMixes, Hybrid, Mix};
pub use majority::Majority;
pub use rank::Rank;
pub use stored::Stored;
pub use tests::Tests;
