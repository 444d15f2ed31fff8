//! Predictions: patches for instances, as files hold them.

mod file;
mod halves;
mod prediction;
mod read;
mod row;
mod rows;

pub(crate) use file::Lines;
pub(crate) use prediction::PREDICTIONS;
pub use prediction::Prediction;
pub use read::{Predictions, read_predictions};
