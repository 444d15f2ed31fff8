//! Predictions: patches for instances, as files hold them.

mod file;
mod given;
mod prediction;
mod read;
mod row;
mod rows;

pub(crate) use file::Lines;
pub use given::{read_given, skip_mark};
pub(crate) use prediction::PREDICTIONS;
pub use prediction::Prediction;
pub use read::{Given, read_predictions};
