//! Scorers that ask a model.

mod asked;
mod kept;
mod probability;
mod rating;

pub use asked::{Asked, Asking, Measure, ModelOfKey, TooLong};
pub use kept::Kept;
pub use probability::probability;
pub use rating::rating;
