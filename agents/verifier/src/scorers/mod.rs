//! Scorers that need no model.

mod bounds;
mod hybrid;
mod majority;
mod rank;
mod stored;
mod tests;

pub use bounds::{First, Oracle, Random};
pub use hybrid::{Hybrid, Mix, cross_validate_mix};
pub use majority::Majority;
pub use rank::Rank;
pub use stored::Stored;
pub use tests::Tests;
