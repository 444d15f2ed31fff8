//! A scorer that is trained in process, in seconds, from labelled episodes.

mod counted;
pub(crate) mod features;
mod folds;
mod model;
pub(crate) mod objective;
mod platt;

pub use counted::Counted;
pub use folds::{CrossValidated, cross_validate};
pub use model::Learned;
